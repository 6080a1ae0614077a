-- Stores a new token and ends the previous one of that scope set.
-- KEYS: vr:tokens:<editor>, vr:editor:<editor>, vr:token:<new hash>
-- ARGV: scope mask, new hash, editor, client, issued ms, expires ms, ttl ms
-- Answers 1, or 0 when the editor is held to be unusable.
local state = redis.call('HMGET', KEYS[2], 'usable', 'generation')
if state[1] == '0' then
        return 0
end
local previous = redis.call('HGET', KEYS[1], ARGV[1])
if previous then
        redis.call('DEL', 'vr:token:' .. previous)
end
redis.call('HSET', KEYS[3], 'editor', ARGV[3], 'client', ARGV[4], 'scopes', ARGV[1],
        'issued', ARGV[5], 'expires', ARGV[6], 'generation', state[2] or '0')
redis.call('PEXPIRE', KEYS[3], ARGV[7])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[7]) then
        redis.call('PEXPIRE', KEYS[1], ARGV[7])
end
return 1
