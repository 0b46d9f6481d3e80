/**
 * What nodes do in Redis, each in one step (Lua). All keys of a cluster have one hash tag, so that they are in one place of a Redis Cluster;
 * there is little in them, and a node asks once in two seconds.
 *
 * members: by name, the record of each node. slots: see slot-table.ts. version: changes whenever slots do. settled: the run of Redis whose
 * table is known to be whole. buried: names of nodes that were given up.
 */

/**
 * A run of Redis: from its start, or from the moment that a replica became the master, on. What was written last before that may be lost.
 * Clocks of the machines are asked nothing: theirs may jump.
 */
const RUN = `local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')`

/**
 * Says that a node is alive (with a record), or only looks (with an empty one). Gives: the run, whether the node is buried, the run that is
 * settled, the version, names and records in turn, the table unless the version is known.
 * KEYS members slots version settled buried; ARGV name record beat settles run version channel empty-entry slots
 */
export const BEAT = `
${RUN}
local name, record = ARGV[1], ARGV[2]
local buried = redis.call('HEXISTS', KEYS[5], name)
if record ~= '' and buried == 0 then
  local new = redis.call('HSET', KEYS[1], name, record) == 1
  if ARGV[4] == run then redis.call('SET', KEYS[4], run) end
  redis.call('PUBLISH', ARGV[7], new and 'changed ' .. name or 'beat ' .. name .. ' ' .. ARGV[3])
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SET', KEYS[2], string.rep(ARGV[8], tonumber(ARGV[9])))
  redis.call('INCR', KEYS[3])
end
local version = redis.call('GET', KEYS[3]) or '0'
local slots = ''
if ARGV[5] ~= run or ARGV[6] ~= version then slots = redis.call('GET', KEYS[2]) end
return {run, buried, redis.call('GET', KEYS[4]) or '', version, redis.call('HGETALL', KEYS[1]), slots}`

/**
 * Changes entries of slots from what is expected to another, all or none of them. Gives whether they are so now. Does nothing in another run, or for a node that is buried.
 * KEYS slots version buried; ARGV name run channel entry, then slot and expected entry in turn
 */
export const CHANGE = `
${RUN}
if run ~= ARGV[2] or redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then return 0 end
local entry = ARGV[4]
local length = string.len(entry)
for i = 5, #ARGV, 2 do
  local at = tonumber(ARGV[i]) * length
  local now = redis.call('GETRANGE', KEYS[1], at, at + length - 1)
  if now ~= entry and now ~= ARGV[i + 1] then return 0 end
end
for i = 5, #ARGV, 2 do redis.call('SETRANGE', KEYS[1], tonumber(ARGV[i]) * length, entry) end
redis.call('INCR', KEYS[2])
redis.call('PUBLISH', ARGV[3], 'changed ' .. ARGV[1])
return 1`

/**
 * Gives up a node, if its record is still this one: it has not been alive since.
 * KEYS members buried; ARGV name record channel seconds
 */
export const BURY = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], 1)
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('PUBLISH', ARGV[3], 'changed ' .. ARGV[1])
return 1`

/** A node leaves in order. KEYS members; ARGV name channel */
export const LEAVE = `
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[2], 'changed ' .. ARGV[1])
return 1`
