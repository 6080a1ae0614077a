-- A fixed window: counts one more unless the limit is reached. Returns {allowed, milliseconds until the window ends}.
-- KEYS: counter. ARGV: limit, window (ms).
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count >= tonumber(ARGV[1]) then return {0, redis.call('PTTL', KEYS[1])} end
if redis.call('INCR', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {1, redis.call('PTTL', KEYS[1])}
