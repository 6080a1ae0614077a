-- Saves progress if nobody else did since it was read, with the events that tell of it. 1: saved, 0: read again.
-- KEYS: progress, outbox, deadlines, marker. ARGV: expected version, progress, its life (ms), market, deadline (epoch ms),
-- marker's life (ms), outbox maximum, then event id and event, repeatedly.
local now = redis.call('GET', KEYS[1])
local version = 0
if now then version = cjson.decode(now)['version'] end
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[4])
redis.call('SET', KEYS[4], '1', 'PX', ARGV[6])
if redis.call('HLEN', KEYS[2]) < tonumber(ARGV[7]) then
  for i = 8, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
return 1
