-- Ends one token, if it is there and the editor's.
-- KEYS: vr:token:<hash>, vr:tokens:<editor>
-- ARGV: hash, editor
-- Answers 1, or 0 when there is none, or -1 when it is another editor's.
local token = redis.call('HMGET', KEYS[1], 'editor', 'scopes')
if not token[1] then
        return 0
end
if token[1] ~= ARGV[2] then
        return -1
end
redis.call('DEL', KEYS[1])
if redis.call('HGET', KEYS[2], token[2]) == ARGV[1] then
        redis.call('HDEL', KEYS[2], token[2])
end
return 1
