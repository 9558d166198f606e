import { readFileSync } from 'node:fs'

/** The program's version, as its package names it. */
export const readVersion = (): string =>
  (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version
