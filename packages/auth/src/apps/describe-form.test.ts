import fc from 'fast-check'
import { expect, it } from 'vitest'
import { describeForm } from './describe-form.ts'

const multipart = 'multipart/form-data; boundary=x'
const part = (head: string, content: string) => `--x\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`

it.each([
  [
    'application/x-www-form-urlencoded',
    'a=1&b=%C3%A4+c',
    [
      { name: 'a', value: '1' },
      { name: 'b', value: 'ä c' },
    ],
  ],
  [
    'text/plain; charset=utf-8',
    'a=1\r\nb=2=3\r\nrest\r\n',
    [
      { name: 'a', value: '1' },
      { name: 'b', value: '2=3' },
      { name: '', value: 'rest' },
    ],
  ],
  [
    multipart,
    `${part('name="a"', 'one\r\ntwo')}${part('name="f"; filename="p.png"', '1234')}--x--\r\n`,
    [
      { name: 'a', value: 'one\r\ntwo' },
      { name: 'f', file: { name: 'p.png', bytes: 4 } },
    ],
  ],
  [
    'multipart/form-data; boundary="x"',
    `${part('name="f"; filename=""', '')}--x--`,
    [{ name: 'f', file: { name: '', bytes: 0 } }],
  ],
  ['multipart/form-data', part('name="a"', '1'), []],
  [
    'application/x-www-form-urlencoded',
    'new_password=1&csrf_token=2&pin=3',
    [{ name: 'new_password' }, { name: 'csrf_token' }, { name: 'pin' }],
  ],
])('a form of the type %s is told field by field: %j', (type, body, fields) => {
  expect(describeForm(type, body)).toEqual(fields)
})

it('shows nothing of fields that may hold a secret by their names, and everything of others', () => {
  const names = [
    'pw',
    'userPw',
    'pw1',
    'pin_code',
    'pinCode',
    'card-pin',
    'otp',
    'smsOTP',
    'TAN',
    'apiKey',
    'api_key',
    'x-api-key',
    'private key',
    'accessKey',
    'secret-access-key',
    'PINCode',
    'contraseña',
    'contrasena_nueva',
    'clave',
    'mdp',
    'Kennwort',
    'clientSecret',
  ]
  const others = [
    'shipping',
    'opinion',
    'distance',
    'pwned',
    'topic',
    'access',
    'enclave',
    'keyboard',
    'hotplate',
    'a'.repeat(20_000),
  ]
  const told = describeForm(
    'application/x-www-form-urlencoded',
    [...names, ...others].map((name) => `${encodeURIComponent(name)}=x`).join('&'),
  )
  expect(told.filter(({ value }) => value !== undefined).map(({ name }) => name.slice(0, 20))).toEqual(
    others.map((name) => name.slice(0, 20)),
  )
})

it('is told in few words, whatever it says', () => {
  const types = fc.constantFrom(multipart, 'text/plain', 'application/x-www-form-urlencoded')
  const pieces = fc.constantFrom(
    '--x',
    '\r\n',
    '\r\n\r\n',
    'Content-Disposition: form-data; name="',
    '"',
    '=',
    '&',
    '%',
    '\xff',
  )
  fc.assert(
    fc.property(types, fc.array(fc.oneof(pieces, fc.string()), { maxLength: 200 }), (type, parts) => {
      const fields = describeForm(type, Buffer.from(parts.join(''), 'utf8').toString('latin1'))
      expect(fields.length).toBeLessThanOrEqual(50)
      for (const { name, value = '', file } of fields) {
        expect(Math.max(name.length, value.length, file?.name.length ?? 0)).toBeLessThanOrEqual(301)
      }
    }),
  )
})
