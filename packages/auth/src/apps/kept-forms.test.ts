import { hash } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { createKeptForms, type KeptForm } from './kept-forms.ts'

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

it('a form takes twice its bytes at the most, whatever they are', async () => {
  const { store, clock, auth } = started
  const forms = createKeptForms({ store, clock, ring: auth.rings.authorization })
  for (const byte of ['a', '\0', '\u00ff', '"']) {
    const body = byte.repeat(65_536)
    const form: KeptForm = { target: '/', type: 'text/plain', body, browser: 'b', sender: null, asks: true }
    const id = await forms.keep('shop.example', form)
    const row = await store.keptForms.find(hash('sha256', id, 'base64url'), clock.now())
    expect(row?.sealed.length).toBeLessThan(2 * 65_536)
    expect(await forms.find('shop.example', id)).toEqual(form)
  }
})

it('a form lies sealed, for its host alone, and is taken once', async () => {
  const { store, clock, auth } = started
  const forms = createKeptForms({ store, clock, ring: auth.rings.authorization })
  const form: KeptForm = {
    ...{ target: '/orders?x=1', type: 'text/plain', body: 'item=lamp\u00ff\u0000' },
    ...{ browser: 'browser-hash', sender: 'usr_1', asks: false },
  }
  const id = await forms.keep('shop.example', form)
  const row = await store.keptForms.find(hash('sha256', id, 'base64url'), clock.now())
  expect(row?.sealed).toMatch(/.+/)
  expect(JSON.stringify(row)).not.toMatch(/lamp|orders|usr_1|browser-hash/)
  expect(JSON.stringify(row)).not.toContain(id)
  expect(await forms.find('other.example', id)).toBeUndefined()
  expect(await forms.find('shop.example', id)).toEqual(form)
  const takers = await Promise.all([forms.take('shop.example', id), forms.take('shop.example', id)])
  expect(takers.filter((taken) => taken !== undefined)).toEqual([form])
  expect(await forms.find('shop.example', id)).toBeUndefined()
})
