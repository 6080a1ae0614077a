-- A token with its editor's state, in one round trip.
-- KEYS: vr:token:<hash>
-- Answers {} when there is none, else editor, client, scopes, issued, expires, generation, usable, editor's generation.
local token = redis.call('HMGET', KEYS[1], 'editor', 'client', 'scopes', 'issued', 'expires', 'generation')
if not token[1] then
        return {}
end
local state = redis.call('HMGET', 'vr:editor:' .. token[1], 'usable', 'generation')
token[7] = state[1] or '1'
token[8] = state[2] or '0'
return token
