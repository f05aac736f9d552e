-- Grants leases of shared limits: one atomic step for the keys of one limit. Its model, number by number, is
-- engine/src/policy/limit/lease/pot.rs; a test holds the two together.
--
-- KEYS  the keys
-- ARGV  way (b bucket, w window, c counter, l log), count, microseconds, burst, slots of a log; then of each key: tokens to
--       charge, tokens that come back, the window that granted them, tokens wanted
-- gives the time in microseconds; then of each key: tokens granted, 1 where no debt is left, microseconds until there is a
--       token, tokens left, microseconds until the window ends or -1, the window; of a key that holds something else, six
--       times -1
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local way = ARGV[1]
local count, per, burst, slots = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local reply = { now }

local function whole(number)
  return string.format('%.0f', number)
end

local function expire(key, microseconds)
  redis.call('PEXPIRE', key, whole(math.ceil(microseconds / 1000) + 1000))
end

local function give(room, want, tokens, retry, left, mark)
  local at = #reply
  reply[at + 1] = tokens
  reply[at + 2] = room >= 0 and 1 or 0
  reply[at + 3] = math.max(0, math.ceil(retry))
  reply[at + 4] = math.max(0, room - tokens)
  reply[at + 5] = left
  reply[at + 6] = mark
end

-- A key of somebody else's is left as it is. It must not keep the others of the call from being told of what they are
-- charged with. Where it is not the key's kind that is wrong, no key can be read.
local function foreign(err)
  if err and string.sub(err, 1, 9) ~= 'WRONGTYPE' then
    error({ err = err })
  end
  local at = #reply
  for number = 1, 6 do
    reply[at + number] = -1
  end
end

local function bucket(key, charge, back, mark, want)
  local had = redis.pcall('HMGET', key, 'o', 't')
  if had.err then
    return foreign(had.err)
  end
  local owed, was = tonumber(had[1]) or 0, tonumber(had[2]) or now
  local at = math.max(was, now)
  owed = math.max(0, owed - back)
  owed = math.max(0, owed - (at - was) * count / per) + charge
  local room = math.floor(burst - owed)
  local tokens = math.max(0, math.min(room, want))
  owed = owed + tokens
  redis.call('HSET', key, 'o', string.format('%.17g', owed), 't', whole(at))
  expire(key, owed * per / count)
  give(room, want, tokens, (owed + 1 - burst) * per / count, -1, 0)
end

local function window(key, charge, back, mark, want)
  local had = redis.pcall('HMGET', key, 'w', 'c', 'p')
  if had.err then
    return foreign(had.err)
  end
  local was, counted, before = tonumber(had[1]) or 0, tonumber(had[2]) or 0, tonumber(had[3]) or 0
  local slot = math.max(math.floor(now / per), was)
  if slot > was then
    before = slot == was + 1 and counted or 0
    counted = 0
  end
  if mark == slot then
    counted = math.max(0, counted - back)
  elseif mark == slot - 1 then
    before = math.max(0, before - back)
  end
  counted = counted + charge
  local left = (slot + 1) * per - now
  local share = way == 'c' and before * math.min(left, per) / per or 0
  local room = math.floor(count - counted - share)
  local tokens = math.max(0, math.min(room, want))
  counted = counted + tokens
  redis.call('HSET', key, 'w', whole(slot), 'c', whole(counted), 'p', whole(before))
  expire(key, left + per)
  local retry = 0
  if count - counted - share < 1 then
    if way == 'w' then
      retry = left
    elseif counted + 1 <= count then
      retry = left - (count - counted - 1) * per / before
    else
      retry = left + math.max(0, per - (count - 1) * per / counted)
    end
  end
  give(room, want, tokens, retry, left, slot)
end

local function log(key, charge, back, mark, want)
  local width = math.ceil(per / slots)
  local slot, first = math.floor(now / width), math.floor((now - per) / width)
  local had = redis.pcall('HGETALL', key)
  if had.err then
    return foreign(had.err)
  end
  local counts, sum = {}, 0
  for at = 1, #had, 2 do
    local its, counted = tonumber(had[at]), tonumber(had[at + 1])
    if not its or not counted then
      return foreign()
    end
    if its < first then
      redis.call('HDEL', key, had[at])
    else
      if its == mark and back > 0 then
        counted = math.max(0, counted - back)
        if counted > 0 then
          redis.call('HSET', key, had[at], whole(counted))
        else
          redis.call('HDEL', key, had[at])
        end
      end
      if counted > 0 then
        counts[its] = counted
        sum = sum + counted
      end
    end
  end
  sum = sum + charge
  local room = count - sum
  local tokens = math.max(0, math.min(room, want))
  local own = (counts[slot] or 0) + charge + tokens
  if own > 0 then
    counts[slot] = own
    redis.call('HSET', key, whole(slot), whole(own))
  end
  expire(key, per + 2 * width)
  local retry = 0
  if room - tokens < 1 then
    local oldest = slot
    for its in pairs(counts) do
      oldest = math.min(oldest, its)
    end
    retry = (oldest + 1) * width + per - now
  end
  give(room, want, tokens, retry, -1, slot)
end

local ways = { b = bucket, w = window, c = window, l = log }
for at = 1, #KEYS do
  local from = 5 + (at - 1) * 4
  ways[way](KEYS[at], tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2]), tonumber(ARGV[from + 3]), tonumber(ARGV[from + 4]))
end
return reply
