import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { TestBrowser } from '@gatehouse/auth/testing/browser'
import { type Shop, startShop } from '@gatehouse/example-shop/shop'
import { afterEach, describe, expect, it } from 'vitest'
import { createSite, root, type Site } from '../flows/running-program.ts'
import { demoPassword } from './development-site.ts'
import { type Block, findPorts, guidesFolder, readBlocks } from './guide-blocks.ts'

const guides = readdirSync(guidesFolder).filter((name) => name !== 'README.md')

/** Does what a person does at an address: signs in, allows. Answers with what the address bar says in the end. */
async function visit(browser: TestBrowser, url: string): Promise<string> {
  let page = await browser.get(url)
  for (let steps = 0; steps < 20; steps += 1) {
    const location = page.headers.get('location')
    if (page.has('password')) page = await browser.signIn(page, 'alice', demoPassword)
    else if (page.has('allow')) page = await browser.submit(page, { decision: 'allow' })
    else if (page.has('user_code')) page = await browser.submit(page, {})
    else if (location === null) return page.url
    else {
      const next = await browser.get(location).catch(() => undefined)
      if (!next) return location // nobody listens there
      page = next
    }
  }
  throw new Error(`no end: ${page.status} ${page.text}`)
}

/** Runs a script as its reader would: opens what it says, and pastes where that led. */
function runScript(script: string, site: Site, browser: TestBrowser): Promise<{ code: number | null; output: string }> {
  const shell = spawn('bash', ['-c', script], {
    ...{ cwd: site.folder, env: site.environment },
    // A group of its own, so that what a guide starts in the background ends with it.
    detached: true,
  })
  let output = ''
  let opened = 0
  const listen = (chunk: Buffer): void => {
    output += String(chunk).replaceAll('\r', '')
    for (const [, url = ''] of [...output.matchAll(/^Open (\S+)\n/gm)].slice(opened)) {
      opened += 1
      visit(browser, url).then(
        (end) => shell.stdin.write(`${end}\n`),
        (error) => {
          output += error
          shell.kill()
        },
      )
    }
  }
  shell.stdout.on('data', listen)
  shell.stderr.on('data', listen)
  shell.stdin.on('error', () => {})
  return new Promise((done) => {
    shell.on('exit', (code) => {
      try {
        if (shell.pid !== undefined) process.kill(-shell.pid)
      } catch {
        // Nothing is left of it.
      }
      shell.on('close', () => done({ code, output }))
    })
  })
}

/** What an answer must look like: `…` stands for anything. */
const patternOf = (answer: string): RegExp =>
  new RegExp(
    answer
      .trim()
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('[\\s\\S]*?'),
  )

/** The commands of a guide as one script, each after a line that names it. */
const buildScript = (commands: readonly Block[]): string =>
  [
    'set -euo pipefail; exec 2>&1',
    ...commands.map(({ id, text }) => `echo; echo '=== ${id}'\n${text.replaceAll('../../', `${root}/`)}`),
  ].join('\n')

describe('the guides', () => {
  let site: Site | undefined
  let shop: Shop | undefined
  afterEach(async () => {
    await Promise.all([site?.remove(), shop?.stop()])
  })

  it.each(guides)('%s can be followed', { timeout: 120_000 }, async (name) => {
    const example = readFileSync(join(root, 'examples/shop/gatehouse.yaml'), 'utf8')
    const blocks = [...readBlocks('README.md'), ...readBlocks(name)]
    const here = await findPorts([example, ...blocks.map(({ text }) => text)])
    const issuer = here('http://localhost:8080')
    const [ordersPort = 0, inventoryPort = 0, storefrontPort = 0] = [':4001', ':4002', ':4003'].map((port) =>
      Number(here(port).slice(1)),
    )
    shop = await startShop({ issuer, ordersPort, inventoryPort, storefrontPort })

    site = await createSite()
    const lines = blocks
      .filter(({ language, file }) => language === 'yaml' && file === undefined)
      .map(({ text }) => text)
    site.configure(here([example, ...lines].join('\n')))
    symlinkSync(join(root, 'node_modules'), join(site.folder, 'node_modules'))
    for (const { file, text } of blocks) {
      if (file === undefined) continue
      mkdirSync(dirname(join(site.folder, file)), { recursive: true })
      writeFileSync(join(site.folder, file), here(text))
    }
    await site.start(['dev'])

    const commands = blocks.filter(({ language, id }) => language === 'sh' && id !== undefined)
    expect(commands.length).toBeGreaterThan(readBlocks('README.md').filter(({ id }) => id !== undefined).length)
    const script = here(buildScript(commands))
    const { code, output } = await runScript(script, site, new TestBrowser(issuer, issuer))
    expect(code, output).toBe(0)
    for (const { id, answer } of commands) {
      const [said = ''] = output.split(`=== ${id}\n`)[1]?.split('\n=== ') ?? []
      if (answer !== undefined) expect(said, id).toMatch(patternOf(here(answer)))
    }
  })
})
