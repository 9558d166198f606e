import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort, root } from '../flows/running-program.ts'

/** Where the guides are. */
export const guidesFolder = join(root, 'docs/guides')

/** A fenced block of a guide: ```language id=… or file=…, its text, and the answer that stands right after it. */
export interface Block {
  readonly language: string
  /** A command that is run. */
  readonly id: string | undefined
  /** A file that the reader makes. */
  readonly file: string | undefined
  readonly text: string
  readonly answer: string | undefined
}

/** The fenced blocks of a guide, in their order. */
export function readBlocks(name: string): readonly Block[] {
  const text = readFileSync(join(guidesFolder, name), 'utf8')
  const pattern = /^```(\w+)(?: (id|file)=(\S+))?\n([\s\S]*?)^```$(?:\n\n```(?:json|text)\n([\s\S]*?)^```$)?/gm
  return [...text.matchAll(pattern)].map(([, language = '', key, value, content = '', answer]) => ({
    language,
    id: key === 'id' ? value : undefined,
    file: key === 'file' ? value : undefined,
    text: content,
    answer,
  }))
}

/** A port of this machine, in an address or by itself. */
const written = /(:|port_value: )(\d{4})\b/g

/** The guides' ports are those of one machine; here each becomes one that is free. */
export async function findPorts(texts: readonly string[]): Promise<(text: string) => string> {
  const free = new Map<string, number>()
  for (const [, , port = ''] of texts.join('\n').matchAll(written)) {
    if (!free.has(port)) free.set(port, await findFreePort())
  }
  return (text) => text.replace(written, (_, before, port) => `${before}${free.get(port)}`)
}
