import { describe, expect, it } from 'vitest'
import { createLog } from './log.ts'

/** What is written of one refusal by a client of that name. */
function write(client_id: string, development: boolean): string {
  let written = ''
  const lines = { write: (text: string) => (written += text), onWritable: () => {} }
  createLog({ level: 'info', development }, lines).info({ client_id }, 'request refused')
  return written
}

describe('a line of the log', () => {
  const nasty = '\u009b31mX\u202e\u{e0041}'

  it('carries nothing raw that is not seen, and is JSON of the same', () => {
    const line = write(nasty, false)
    expect(line).toContain(String.raw`"client_id":"\u009b31mX\u202e\udb40\udc41"`)
    expect(JSON.parse(line)).toMatchObject({ client_id: nasty })
    expect(line.endsWith('}\n')).toBe(true)
  })

  it('carries nothing of it in development either', () => {
    expect(write(nasty, true)).toContain(String.raw`client_id="\u009b31mX\u202e\udb40\udc41"`)
  })
})
