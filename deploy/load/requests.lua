-- The requests of compare.py for wrk: each line of the file TOKENS has the two tokens of a user.
-- With ONCE each pair is sent once, and then wrk ends.
local ffi = require("ffi")
ffi.cdef("int getpid(void); int kill(int pid, int number);")
local INTERRUPT = 2

local requests, number, is_once = {}, 0, os.getenv("ONCE") ~= nil
local FORM = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
  .. "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&subject_token="

function init()
  for line in io.lines(os.getenv("TOKENS")) do
    local bearer, subject = line:match("(%S+) (%S+)")
    requests[#requests + 1] = wrk.format("POST", "/v1/token", {
      ["Authorization"] = "Bearer " .. bearer,
      ["Content-Type"] = "application/x-www-form-urlencoded",
    }, FORM .. subject)
  end
end

function request()
  number = number + 1
  if number > #requests then
    if is_once then
      wrk.thread:stop()
      -- The main thread sleeps until the end of wrk's duration.
      ffi.C.kill(ffi.C.getpid(), INTERRUPT)
    end
    number = 1
  end
  return requests[number]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration,
    errors.status + errors.read + errors.write + errors.connect + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)
  ))
end
