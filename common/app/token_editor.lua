-- Tells everyone what has become of an editor.
-- KEYS: vr:editor:<editor>
-- ARGV: 'usable', 'unusable' or 'revoke'
-- A higher generation ends every token issued before. Answers the generation.
if ARGV[1] ~= 'usable' then
        redis.call('HINCRBY', KEYS[1], 'generation', 1)
end
if ARGV[1] ~= 'revoke' then
        redis.call('HSET', KEYS[1], 'usable', ARGV[1] == 'usable' and '1' or '0')
end
return tonumber(redis.call('HGET', KEYS[1], 'generation') or '0')
