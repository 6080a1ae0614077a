-- Ends one lapsed progress: for one caller only, and not if it was taken up again meanwhile. 1: ended here.
-- KEYS: deadlines, progress, outbox. ARGV: market, event id ("" for none), event, now (epoch ms).
local deadline = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not deadline or tonumber(deadline) > tonumber(ARGV[4]) then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[3], ARGV[2], ARGV[3]) end
return 1
