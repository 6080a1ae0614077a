-- Replicas agree on open circuits: what one has to say, and what all should know, in one step and by Redis' clock.
-- KEYS: vr:webhook:circuits, vr:webhook:probes. ARGV: a probe's longest time in ms; then word, editor, ms left, each time.
-- Answers {{editor, ms left, …}, {editor whose probe is the caller's, …}}.
local moment = redis.call('TIME')
local now = moment[1] * 1000 + math.floor(moment[2] / 1000)
local granted = {}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 86400000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
for i = 2, #ARGV, 3 do
        local word, editor, left = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
        if word == 'open' then
                redis.call('ZADD', KEYS[1], now + left, editor)
                redis.call('ZREM', KEYS[2], editor)
        elseif word == 'closed' then
                redis.call('ZREM', KEYS[1], editor)
                redis.call('ZREM', KEYS[2], editor)
        elseif tonumber(redis.call('ZSCORE', KEYS[1], editor) or 0) <= now
                and redis.call('ZADD', KEYS[2], 'NX', now + tonumber(ARGV[1]), editor) == 1 then
                granted[#granted + 1] = editor
        end
end
redis.call('PEXPIRE', KEYS[1], 172800000)
redis.call('PEXPIRE', KEYS[2], 172800000)
local open = redis.call('ZRANGE', KEYS[1], 0, 9999, 'WITHSCORES')
for i = 2, #open, 2 do
        open[i] = tonumber(open[i]) - now
end
return {open, granted}
