import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const beyondLatin1 = /[^\0-\xff]/g
/** How much longer a character becomes by being written as an escape of six. */
const growth = 5

/**
 * Writes every character beyond Latin-1 in the programs of a folder as an escape, and moves their source maps along. V8 keeps a text
 * in which there is one such character at two bytes for each, for as long as the process lives.
 * @param {string} folder
 */
export function escapeCode(folder) {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.mjs'))) {
    const file = join(folder, name)
    const code = readFileSync(file, 'utf8')
    if (code.search(beyondLatin1) === -1) continue
    // There an escape is not what it stands for.
    if (/(?<!\\)(?:\\\\)*\\[^\0-\xff]|\braw`[^`]*[^\0-\xff]/.test(code))
      throw new Error(`${name}: a character beyond Latin-1 after a backslash or in a raw template`)
    writeFileSync(file, code.replace(beyondLatin1, escapeUnit))
    if (existsSync(`${file}.map`)) {
      const map = JSON.parse(readFileSync(`${file}.map`, 'utf8'))
      writeFileSync(`${file}.map`, JSON.stringify({ ...map, mappings: moveColumns(map.mappings, code) }))
    }
  }
}

/** Without the flag `u` a regular expression finds the two halves of what is beyond 16 bits one by one. */
const escapeUnit = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Source map mappings for the escaped code. `code`: as it was. Spec: ECMA-426, the first number of a segment is its column. */
function moveColumns(mappings, code) {
  const lines = code.split('\n')
  return mappings
    .split(';')
    .map((segments, index) => moveLine(segments, [...(lines[index] ?? '').matchAll(beyondLatin1)]))
    .join(';')
}

function moveLine(segments, escaped) {
  if (segments === '' || escaped.length === 0) return segments
  let column = 0
  let moved = 0
  return segments
    .split(',')
    .map((segment) => {
      const { value, length } = readNumber(segment)
      column += value
      const now = column + growth * escaped.filter((match) => match.index < column).length
      const text = writeNumber(now - moved) + segment.slice(length)
      moved = now
      return text
    })
    .join(',')
}

function readNumber(text) {
  let bits = 0
  let length = 0
  for (let digit = 32; digit & 32; length += 1) {
    digit = digits.indexOf(text[length])
    bits |= (digit & 31) << (5 * length)
  }
  return { value: bits & 1 ? -(bits >> 1) : bits >> 1, length }
}

function writeNumber(value) {
  let text = ''
  let bits = value < 0 ? (-value << 1) | 1 : value << 1
  do {
    const rest = bits >> 5
    text += digits[(bits & 31) | (rest > 0 ? 32 : 0)]
    bits = rest
  } while (bits > 0)
  return text
}
