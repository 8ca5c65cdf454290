-- A whole sign-in for wrk, again and again: code with PKCE, tokens, exchange by the user's own token.
-- Arguments: the tenant, the application, the path of the exchange.

local tenant, app, exchange
local verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
local challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
local scope = "https%3A%2F%2Fcommunication.azure.com%2Fclients%2F.default%20openid%20offline_access"
local step, code, token, signatures, signed_in, failed = 1, nil, nil, 0, 0, 0
local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init(arguments)
    tenant, app, exchange = arguments[1], arguments[2], arguments[3]
    signatures, signed_in, failed = 0, 0, 0
    publish()
end

function publish()
    wrk.thread:set("signatures", signatures)
    wrk.thread:set("signed_in", signed_in)
    wrk.thread:set("failed", failed)
end

function request()
    if step == 1 then
        return wrk.format("GET", "/" .. tenant .. "/oauth2/v2.0/authorize?response_type=code&client_id=" .. app ..
            "&redirect_uri=http%3A%2F%2Flocalhost&scope=" .. scope .. "&code_challenge=" .. challenge ..
            "&code_challenge_method=S256&nonce=n&state=s&login_hint=ada%40contoso.example", {})
    elseif step == 2 then
        return wrk.format("POST", "/" .. tenant .. "/oauth2/v2.0/token",
            { ["Content-Type"] = "application/x-www-form-urlencoded" },
            "grant_type=authorization_code&client_id=" .. app .. "&redirect_uri=http%3A%2F%2Flocalhost&code=" ..
            code .. "&code_verifier=" .. verifier)
    end
    return wrk.format("POST", exchange,
        { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token }, "{}")
end

function response(status, headers, body)
    for _ in body:gmatch('"eyJ') do signatures = signatures + 1 end
    if step == 1 then
        local location = headers["Location"] or headers["location"] or ""
        code = location:match("[?&]code=([^&]+)")
        step = code and 2 or 1
        if not code then failed = failed + 1 end
    elseif step == 2 then
        token = body:match('"access_token":"([^"]+)"')
        step = token and 3 or 1
        if not token then failed = failed + 1 end
    else
        step = 1
        if status == 200 then signed_in = signed_in + 1 else failed = failed + 1 end
    end
    publish()
end

function done(summary)
    local total = { signatures = 0, signed_in = 0, failed = 0 }
    for _, thread in ipairs(threads) do
        for name in pairs(total) do total[name] = total[name] + thread:get(name) end
    end
    local seconds = summary.duration / 1e6
    print(string.format("sign-ins %.0f/s, signatures %.0f/s, %.2f each, refused %d", total.signed_in / seconds,
        total.signatures / seconds, total.signatures / math.max(total.signed_in, 1), total.failed))
end
