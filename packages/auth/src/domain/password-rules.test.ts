import { afterEach, describe, expect, it } from 'vitest'
import { defaultBrand } from '../pages/brand.ts'
import { goodPassword, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { checkNewPassword } from './password-rules.ts'
import { addUser, setPassword } from './users.ts'

const owner = { username: 'j.smith@corp.example', email: 'jane.d@mail.example' }
const passwords = { isBreached: async () => false, serviceNames: ['gatehouse', 'Acme Shop'] }
const outcomeOf = async (password: string, whose: typeof owner | { username: string } = owner): Promise<string> => {
  try {
    await checkNewPassword(password, { minimum: 8, owner: whose, passwords })
    return 'good'
  } catch (error) {
    return String((error as { details: { members?: { reason?: string } } }).details.members?.reason)
  }
}

describe('a new password', () => {
  it.each([
    'j.smith@corp.example 1',
    'J.Smith--2026',
    'jane.d@mail.example!',
    'jane.d jane.d 1',
    'Acme Shop 2026',
    'acmeshop-2026',
    'gatehouse2026',
    'ｇａｔｅｈｏｕｓｅ2026',
    'j.smith at acme shop',
  ])('leans on no name that is known of its owner, and none of the service: %s', async (password) => {
    expect(await outcomeOf(password)).toBe('name')
  })

  it('may hold such a name beside enough else, and what is too short to be told from chance', async () => {
    expect(await outcomeOf('j.smith writes long sentences')).toBe('good')
    expect(await outcomeOf('xqzt wprv', { username: 'qzt' })).toBe('good')
    expect(await outcomeOf('corp.example-7!q', { username: '@corp.example' })).toBe('good')
  })
})

describe('the same holds', () => {
  let started: StartedAuth
  afterEach(() => started.close())
  const by = { actor: 'test' }

  it('wherever a password is set', async () => {
    started = await startAuth({ settings: { brand: { ...defaultBrand, name: 'Tea & Biscuits' } } })
    const { store, clock, auth, postJson } = started
    const { passwords, revocations } = auth
    const [notices, minimum] = [{ tell: async () => {} }, { minimumPasswordLength: 15 }]
    const wanted = { username: 'dora', email: 'someone.else@mail.example', scopes: [], roles: [], ...minimum }
    const add = (password: string) => addUser({ store, clock, passwords, revocations }, { ...wanted, password }, by)
    const user = await add(goodPassword)
    const set = (password: string) =>
      setPassword({ store, clock, passwords, revocations, notices }, { user, password, minimumLength: 15 }, by)
    const signUp = async (password: string) => {
      const response = await postJson('/signup', { email: 'someone.else@mail.example', password })
      throw await response.json()
    }
    for (const password of ['someone.else 123', 'Tea & Biscuits 1', 'tea&biscuits tea&biscuits'])
      for (const door of [add, set, signUp])
        await expect(door(password), password).rejects.toMatchObject(
          door === signUp ? { error: 'weak_password', reason: 'name' } : { code: 'weak_password' },
        )
  })
})
