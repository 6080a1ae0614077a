-- Puts a market's snapshot, unless a newer one is there. KEYS: the snapshot; ARGV: its version, the JSON, milliseconds.
local current = redis.call('GET', KEYS[1])
if current then
        local readable, old = pcall(cjson.decode, current)
        if readable and type(old) == 'table' and (tonumber(old.version) or 0) > tonumber(ARGV[1]) then
                return 0
        end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
