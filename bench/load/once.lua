-- Sends the requests of a file, which stand whole in it and are divided by NUL, each once, and then stops: for what may be
-- used only once. Arguments: the file; the path of a harmless GET for the moment until everybody has stopped.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "report.lua")

local requests, count, position = {}, 0, 0
local harmless

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for text in (file:read("*a") .. "\0"):gmatch("(%Z+)%z") do
    count = count + 1
    requests[count] = text
  end
  file:close()
  harmless = wrk.format("GET", args[2], { ["Host"] = "auth.example.com" })
end

function request()
  position = position + 1
  local text = requests[position]
  requests[position] = nil
  return text or harmless
end

function response()
  if position >= count then wrk.thread:stop() end
end
