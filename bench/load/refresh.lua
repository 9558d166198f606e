-- Refreshes without end: every token is used once, and the one that comes back is used in its place.
-- Arguments: a file with one refresh token a line, which is written anew at the end; path; host; content type; what
-- stands before and after the token in the body; the Authorization header, or nothing.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "report.lua")

local threads = {}
function setup(thread) threads[#threads + 1] = thread end

tokens, first, last = {}, 1, 0
local path, headers, before, after

function init(args)
  file = args[1]
  path = args[2]
  -- "Host" with a capital, or wrk adds its own beside it.
  headers = { ["Host"] = args[3], ["content-type"] = args[4] }
  before, after = args[5], args[6]
  if args[7] then headers["authorization"] = args[7] end
  for line in io.lines(file) do
    last = last + 1
    tokens[last] = line
  end
end

function request()
  local token = tokens[first] or "none-left"
  tokens[first] = nil
  if first <= last then first = first + 1 end
  return wrk.format("POST", path, headers, before .. token .. after)
end

function response(status, _, body)
  local token = status == 200 and body:match('"refresh_token":"([^"]+)"')
  if token then
    last = last + 1
    tokens[last] = token
  end
end

local report = done
function done(...)
  report(...)
  local file = assert(io.open(threads[1]:get("file"), "w"))
  for _, token in pairs(threads[1]:get("tokens")) do file:write(token, "\n") end
  file:close()
end
