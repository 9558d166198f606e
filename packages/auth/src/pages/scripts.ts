import { hash } from 'node:crypto'
import { paths } from '@gatehouse/core/paths'
import { passkeyScript } from './passkey-script.ts'

/** A script of a page: no page has one within itself. */
export interface Script {
  readonly path: string
  readonly summary: string
  readonly source: string
  /** The address under which browsers may keep it for good. */
  readonly address: string
}

const buildScript = (script: Omit<Script, 'address'>): Script => ({
  ...script,
  address: `${script.path}?v=${hash('sha256', script.source, 'base64url').slice(0, 16)}`,
})

/** Every script that pages use. */
export const scripts = {
  submit: buildScript({
    path: paths.submitScript,
    summary: 'The script that sends a form by itself',
    source: "'use strict'\ndocument.forms[0].submit()\n",
  }),
  passkey: buildScript({
    path: paths.passkeyScript,
    summary: 'The script that makes passkeys, and asks for them',
    source: passkeyScript,
  }),
} as const

/** The name of a script. */
export type ScriptName = keyof typeof scripts
