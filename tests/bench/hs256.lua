-- The same check in Envoy's Lua filter. LuaJIT there has bit operations but no HMAC, so SHA-256 (FIPS 180-4),
-- HMAC (RFC 2104) and base64url are written out. Claims are found by patterns, which a deployment must not do.
local bit = require("bit")
local band, bor, bxor, bnot = bit.band, bit.bor, bit.bxor, bit.bnot
local rshift, lshift, ror, tobit = bit.rshift, bit.lshift, bit.ror, bit.tobit
local byte, char, sub = string.byte, string.char, string.sub

local K, H0 = {}, {}
do
  local function fraction(x) return tobit(math.floor((x - math.floor(x)) * 2 ^ 32)) end
  local n, found = 2, 0
  while found < 64 do
    local prime = true
    for d = 2, math.floor(n ^ 0.5) do
      if n % d == 0 then prime = false break end
    end
    if prime then
      found = found + 1
      K[found] = fraction(n ^ (1 / 3))
      if found <= 8 then H0[found] = fraction(n ^ (1 / 2)) end
    end
    n = n + 1
  end
end

local W = {}
local function compress(h, text, at)
  for i = 1, 16 do
    local a, b, c, d = byte(text, at, at + 3)
    W[i] = bor(lshift(a, 24), lshift(b, 16), lshift(c, 8), d)
    at = at + 4
  end
  for i = 17, 64 do
    local x, y = W[i - 15], W[i - 2]
    local s0 = bxor(ror(x, 7), ror(x, 18), rshift(x, 3))
    local s1 = bxor(ror(y, 17), ror(y, 19), rshift(y, 10))
    W[i] = tobit(W[i - 16] + s0 + W[i - 7] + s1)
  end
  local a, b, c, d, e, f, g, k = h[1], h[2], h[3], h[4], h[5], h[6], h[7], h[8]
  for i = 1, 64 do
    local s1 = bxor(ror(e, 6), ror(e, 11), ror(e, 25))
    local choice = bxor(band(e, f), band(bnot(e), g))
    local t1 = tobit(k + s1 + choice + K[i] + W[i])
    local s0 = bxor(ror(a, 2), ror(a, 13), ror(a, 22))
    local majority = bxor(band(a, b), band(a, c), band(b, c))
    k, g, f, e, d, c, b, a = g, f, e, tobit(d + t1), c, b, a, tobit(t1 + s0 + majority)
  end
  return { tobit(h[1] + a), tobit(h[2] + b), tobit(h[3] + c), tobit(h[4] + d),
           tobit(h[5] + e), tobit(h[6] + f), tobit(h[7] + g), tobit(h[8] + k) }
end

local function word(n) return char(band(rshift(n, 24), 255), band(rshift(n, 16), 255), band(rshift(n, 8), 255), band(n, 255)) end

-- From the state after `before` bytes, which is a multiple of 64.
local function finish(h, text, before)
  local bits = (before + #text) * 8
  text = text .. "\128" .. string.rep("\0", (55 - #text) % 64) .. word(0) .. word(bits)
  for at = 1, #text, 64 do h = compress(h, text, at) end
  local digest = ""
  for i = 1, 8 do digest = digest .. word(h[i]) end
  return digest
end

local function pad(key, with)
  return (key:gsub(".", function(c) return char(bxor(byte(c), with)) end))
end

local key = os.getenv("LATCHKEY_SIGNING_KEY")
if #key > 64 then key = finish(H0, key, 0) end
key = key .. string.rep("\0", 64 - #key)
local inner, outer = compress(H0, pad(key, 0x36), 1), compress(H0, pad(key, 0x5c), 1)
local function hmac(text) return finish(outer, finish(inner, text, 64), 64) end

local value = {}
for i = 1, 64 do
  value[byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", i)] = i - 1
end
local function decode(text)
  local out, held, bits = {}, 0, 0
  for i = 1, #text do
    local v = value[byte(text, i)]
    if not v then return nil end
    held, bits = bor(lshift(held, 6), v), bits + 6
    if bits >= 8 then
      bits = bits - 8
      out[#out + 1] = char(band(rshift(held, bits), 255))
      held = band(held, lshift(1, bits) - 1)
    end
  end
  return table.concat(out)
end

local HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

local function claims(headers)
  local token = (headers:get("authorization") or ""):match("^Bearer (%S+)$")
  if not token then return end
  local signed, signature = token:match("^(.+)%.([^.]+)$")
  if not signed or sub(signed, 1, #HEADER + 1) ~= HEADER .. "." then return end
  if decode(signature) ~= hmac(signed) then return end
  local json = decode(sub(signed, #HEADER + 2))
  if not json or json:match('"iss":"([^"]*)"') ~= "ISSUER" or json:match('"aud":"([^"]*)"') ~= "AUDIENCE" then return end
  if (tonumber(json:match('"exp":(%d+)')) or 0) <= os.time() then return end
  return json
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local json = claims(headers)
  if not json then
    handle:respond({ [":status"] = "401" }, "")
    return
  end
  headers:replace("x-customer-code", json:match('"sub":"([^"]*)"'))
  headers:replace("x-token-scope", json:match('"scope":"([^"]*)"'))
end
