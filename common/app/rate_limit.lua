-- A fixed window that begins with its first count. Refused attempts are not counted, so they don't write.
-- KEYS: vr:rate:<name>:<key>
-- ARGV: limit, window (ms), 1 to count or 0 to look (which writes nothing)
-- Answers {1 or 0: allowed, remaining, end of the window (epoch ms), ms until then}: all by this Redis' clock, so that
-- replicas agree. A clock that was put back starts a new window rather than stretch the old one.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local state = redis.call('HMGET', KEYS[1], 'count', 'ends')
local count, ends = tonumber(state[1] or 0), tonumber(state[2] or 0)
if ends <= now or ends > now + window then
        count, ends = 0, now + window
        if ARGV[3] == '0' then
                return {1, limit, ends, window}
        end
        redis.call('HSET', KEYS[1], 'count', 0, 'ends', ends)
        redis.call('PEXPIRE', KEYS[1], window)
end
if count >= limit then
        return {0, 0, ends, ends - now}
end
if ARGV[3] == '0' then
        return {1, limit - count, ends, ends - now}
end
redis.call('HINCRBY', KEYS[1], 'count', 1)
return {1, limit - count - 1, ends, ends - now}
