-- The first confirmation of a market is the one that counts: keeps it, with its event, and returns the kept event's id.
-- KEYS: submission, outbox. ARGV: event id, event, life of the submission (ms).
local kept = redis.call('GET', KEYS[1])
if kept and redis.call('HEXISTS', KEYS[2], kept) == 1 then return kept end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return ARGV[1]
