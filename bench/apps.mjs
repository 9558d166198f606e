import { request } from 'node:http'
import { issuer } from './requests.mjs'
import { password, userName } from './site.mjs'

/** Signs people in at a browser app, as browsers of their own do; answers with a Cookie header for each session. */
export async function openAppSessions({ port }, origin, count) {
  const cookies = []
  for (let index = 0; index < count; index += 1) cookies.push(await openSession(port, origin, userName(index)))
  return cookies
}

async function openSession(port, origin, username) {
  const jars = new Map()
  const send = async (url, form) => {
    const { host, pathname, search } = new URL(url)
    const jar = jars.get(host) ?? new Map()
    jars.set(host, jar)
    const headers = {
      host,
      accept: 'text/html',
      cookie: formatCookies(jar),
      origin: issuer,
      'sec-fetch-mode': 'navigate',
    }
    const answer = await exchange({ port, host: '127.0.0.1', path: pathname + search, headers }, form)
    for (const header of answer.headers['set-cookie'] ?? []) {
      const [pair] = header.split(';')
      jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    return { ...answer, url }
  }
  const follow = async (answer) => {
    for (let step = 0; answer.headers.location !== undefined && step < 10; step += 1) {
      const next = new URL(answer.headers.location, answer.url).href
      answer = await send(next)
    }
    return answer
  }
  const page = await follow(await send(`${origin}/`))
  const flow = /name="flow" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  const end = await follow(await send(`${issuer}/login/password`, { flow, username, password }))
  const cookie = formatCookies(jars.get(new URL(origin).host) ?? new Map())
  if (end.status !== 200 || cookie === '')
    throw new Error(`no session: ${end.status} ${end.url} ${end.text.slice(0, 200)}`)
  return cookie
}

const formatCookies = (jar) => [...jar].map(([name, value]) => `${name}=${value}`).join('; ')

function exchange(options, form) {
  const body = form && new URLSearchParams(form).toString()
  const headers = { ...options.headers, ...(body && { 'content-type': 'application/x-www-form-urlencoded' }) }
  return new Promise((resolve, reject) => {
    request({ ...options, headers, method: body ? 'POST' : 'GET' }, async (answer) => {
      const text = Buffer.concat(await answer.toArray()).toString()
      resolve({ status: answer.statusCode, headers: answer.headers, text })
    })
      .on('error', reject)
      .end(body)
  })
}
