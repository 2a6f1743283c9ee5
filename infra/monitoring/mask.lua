-- Takes out of records what nobody may read in a log. Fluent Bit calls `mask` for each record (its filter `lua`).

local MASKED = "***"

-- A key that contains one of these, whatever its case and hyphens, has a secret for its value.
local SECRET = {
  "authorization", "cookie", "password", "passwd", "secret", "token", "api_key", "apikey", "access_key",
  "private_key", "credential", "dsn",
}

-- In running text: the word, then `=` or `:`, then the secret.
local NAMED = { "password", "passwd", "secret", "token", "api_key", "apikey", "access_key", "secret_access_key" }

-- Kubernetes' own words about the pod, in which "token" or "secret" is a name.
local METADATA = { kubernetes = true }

local function any_case(word)
  return (word:gsub("%a", function(letter) return "[" .. letter:upper() .. letter:lower() .. "]" end))
end

local PATTERNS = {
  { "([Aa][Uu][Tt][Hh][Oo][Rr][Ii][Zz][Aa][Tt][Ii][Oo][Nn]\"?%s*[:=]%s*\"?%a+%s+)[^%s\",;]+", "%1" .. MASKED },
  { "([Bb]earer%s+)[%w%-%._~%+/]+=*", "%1" .. MASKED },
  { "([Cc]ookie\"?%s*:%s*)[^\r\n\"]+", "%1" .. MASKED },
  { "(%a[%w%+%.%-]*://[^%s:/@]*:)[^%s@/]+@", "%1" .. MASKED .. "@" },
}
for _, word in ipairs(NAMED) do
  PATTERNS[#PATTERNS + 1] = { "(" .. any_case(word) .. "\"?'?%s*[:=]%s*\"?'?)[^%s\"'&,;}]+", "%1" .. MASKED }
end

local function is_secret(key)
  local plain = key:lower():gsub("-", "_")
  for _, part in ipairs(SECRET) do
    if plain:find(part, 1, true) then return true end
  end
  return false
end

local function masked_text(text)
  for _, pattern in ipairs(PATTERNS) do
    text = text:gsub(pattern[1], pattern[2])
  end
  return text
end

-- Returns whether anything was changed.
local function clean(record)
  local changed = false
  for key, value in pairs(record) do
    if type(key) == "string" and is_secret(key) then
      if value ~= MASKED then
        record[key] = MASKED
        changed = true
      end
    elseif type(value) == "table" then
      changed = clean(value) or changed
    elseif type(value) == "string" then
      local text = masked_text(value)
      if text ~= value then
        record[key] = text
        changed = true
      end
    end
  end
  return changed
end

-- 0: the record is as it was; 2: it was changed, its time was not.
function mask(tag, timestamp, record)
  local changed = false
  for key, value in pairs(record) do
    if not METADATA[key] then
      local part = { [key] = value }
      if clean(part) then
        record[key] = part[key]
        changed = true
      end
    end
  end
  return changed and 2 or 0, timestamp, record
end
