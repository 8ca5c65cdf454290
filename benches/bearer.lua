-- wrk: sends the secret of the file in the variable BEARER_FILE, and prints a line of JSON at the end. So the
-- secret is on no command line.

local file = assert(io.open(os.getenv("BEARER_FILE")))
wrk.headers["Authorization"] = "Bearer " .. file:read("*l")
file:close()

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        'RESULT {"perSecond": %.1f, "p50Milliseconds": %.3f, "p99Milliseconds": %.3f, "errors": %d}\n',
        summary.requests / summary.duration * 1e6,
        latency:percentile(50) / 1000,
        latency:percentile(99) / 1000,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout
    ))
end
