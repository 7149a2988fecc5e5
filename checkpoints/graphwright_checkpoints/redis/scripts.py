"""What Redis does in one step, as Lua. KEYS are those of one thread, in the order of PARTS."""

PARTS = (
    "thread",
    "places",
    "rows",
    "names",
    "writes",
    "elements",
    "digests",
    "blobs",
    "doomed",
)

STORE = """
local key, epoch, is_new, fence, thread_id = unpack(ARGV, 1, 5)
local found = redis.call('HMGET', KEYS[1], 'key', 'epoch', 'fence')
if is_new == '1' then
  if found[1] then return {'moved'} end
elseif found[1] ~= key or found[2] ~= epoch then
  return {'moved'}
end
if fence ~= '' and found[3] and fence < found[3] then return {'lost', found[3]} end
local at = 6
local function count() at = at + 1; return tonumber(ARGV[at - 1]) end
local function take() at = at + 1; return ARGV[at - 1] end
local elements = {}
for n = 1, count() do
  elements[n] = {take(), take(), take(), take()}
  if redis.call('HEXISTS', KEYS[6], elements[n][1]) == 1 then return {'moved'} end
end
if is_new == '1' then
  redis.call('HSET', KEYS[1], 'thread_id', thread_id, 'key', key, 'epoch', epoch)
end
if fence ~= '' then redis.call('HSET', KEYS[1], 'fence', fence) end
redis.call('HINCRBY', KEYS[1], 'revision', 1)
for _, element in ipairs(elements) do
  redis.call('HSET', KEYS[7], element[1], element[2])
  redis.call('HSET', KEYS[6], element[1], element[3])
  if element[4] ~= '' then redis.call('HSET', KEYS[8], element[1], element[4]) end
end
for _ = 1, count() do
  local place = take()
  redis.call('ZADD', KEYS[2], 0, place)
  redis.call('HSET', KEYS[3], place, take())
end
for _ = 1, count() do
  local name, replaces, row = take(), take(), take()
  redis.call('ZADD', KEYS[4], 0, name)
  redis.call(replaces == '1' and 'HSET' or 'HSETNX', KEYS[5], name, row)
end
return {'stored'}
"""
# The byte 255 is above all that UTF-8 has: it ends a range of names that begin alike.
FIND = """
local shelf = redis.call('HMGET', KEYS[1], 'key', 'epoch')
if not shelf[1] then return false end
local place = ARGV[1]
if ARGV[2] == 'latest' then
  place = redis.call(
    'ZREVRANGEBYLEX', KEYS[2], '(' .. place .. '\\255', '[' .. place, 'LIMIT', 0, 1)[1]
end
local row = place and redis.call('HGET', KEYS[3], place)
if not row then return false end
local found = {shelf[1], shelf[2], row}
local names = redis.sha1hex(place)
for _, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[4], '[' .. names, '(' .. names .. '\\255')) do
  found[#found + 1] = redis.call('HGET', KEYS[5], name)
end
return found
"""
DELETE_ROWS = """
if redis.call('HGET', KEYS[1], 'key') ~= ARGV[1] then return end
redis.call('HINCRBY', KEYS[1], 'revision', 1)
for n = 2, #ARGV do
  redis.call('ZREM', KEYS[2], ARGV[n])
  redis.call('HDEL', KEYS[3], ARGV[n])
  local names = redis.sha1hex(ARGV[n])
  for _, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[4], '[' .. names, '(' .. names .. '\\255'))
  do
    redis.call('ZREM', KEYS[4], name)
    redis.call('HDEL', KEYS[5], name)
  end
end
"""
UNCHANGED = """
local found = redis.call('HMGET', KEYS[1], 'key', 'epoch', 'revision')
if found[1] ~= ARGV[1] or found[2] ~= ARGV[2] or found[3] ~= ARGV[3] then return 0 end
"""
# How many blobs it dooms is what each deletion gives.
DISCARD = (
    UNCHANGED
    + """
redis.call('HSET', KEYS[1], 'epoch', ARGV[4])
local doomed = 0
for n = 5, #ARGV do
  redis.call('HDEL', KEYS[6], ARGV[n])
  redis.call('HDEL', KEYS[7], ARGV[n])
  local blob = redis.call('HGET', KEYS[8], ARGV[n])
  if blob then
    redis.call('SADD', KEYS[9], blob)
    redis.call('HDEL', KEYS[8], ARGV[n])
    doomed = doomed + 1
  end
end
return doomed
"""
)
# What is doomed stays.
DELETE_THREAD = """
local doomed = redis.call('HVALS', KEYS[8])
for _, blob in ipairs(doomed) do redis.call('SADD', KEYS[9], blob) end
redis.call('UNLINK', unpack(KEYS, 1, 8))
return #doomed
"""
DELETE_UNCHANGED = UNCHANGED + DELETE_THREAD
# ARGV: the position of a hash among the keys, a field, what it has, what it is to have; and the
# field's blob.
REPLACE = """
local hash = KEYS[tonumber(ARGV[1])]
if redis.call('HGET', hash, ARGV[2]) ~= ARGV[3] then return 0 end
redis.call('HSET', hash, ARGV[2], ARGV[4])
if ARGV[5] ~= '' then
  redis.call('SADD', KEYS[9], redis.call('HGET', KEYS[8], ARGV[2]))
  redis.call('HSET', KEYS[8], ARGV[2], ARGV[5])
end
return 1
"""
ALL = (STORE, FIND, DELETE_ROWS, DISCARD, DELETE_THREAD, DELETE_UNCHANGED, REPLACE)
