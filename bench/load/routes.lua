-- Asks for each line of a file in turn: a host, a space, a path. `wrk -s routes.lua URL -- FILE`.
local requests, at = {}, 0

function init(args)
   for line in io.lines(args[1]) do
      local host, path = line:match("^(%S+) (%S+)$")
      requests[#requests + 1] = wrk.format("GET", path, { Host = host })
   end
end

function request()
   at = at % #requests + 1
   return requests[at]
end
