-- Sends the requests of a file, which stand whole in it and are divided by NUL, one after the other, again and again.
-- Arguments: the file; how many of them to pass over at first.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "report.lua")

local requests, count, position = {}, 0, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for text in (file:read("*a") .. "\0"):gmatch("(%Z+)%z") do
    count = count + 1
    requests[count] = text
  end
  file:close()
  position = tonumber(args[2] or 0) % count
end

function request()
  position = position % count + 1
  return requests[position]
end
