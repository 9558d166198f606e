import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { isMessageKey, type Locale, locales, type OwnWords, scopeWords } from '@gatehouse/auth/messages/messages'
import { type Brand, defaultBrand, type Template } from '@gatehouse/auth/pages/brand'
import { Eta } from 'eta'
import { parse } from 'yaml'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

/** Bytes that a picture or a style sheet may have. */
const sizeLimit = 200_000

const pictureTypes: Readonly<Record<string, string>> = {
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
}

/** The brand of a file: every file that it names is read, so that a mistake in one shows at the start. */
export function resolveBrand({ brand = {} }: ConfigurationFile, report: Report): Brand {
  const { name = defaultBrand.name, colors = {}, links = {} } = brand
  const css = read(brand.css, 'css', report)
  return {
    name,
    colors: { accent: colors.accent, accentDark: colors.accent_dark },
    links,
    logo: readLogo(brand.logo, report),
    css: css?.toString('utf8'),
    messages: brand.messages === undefined ? undefined : readMessages(brand.messages, report),
    templates: brand.templates === undefined ? undefined : readTemplates(brand.templates, report),
  }
}

function read(file: string | undefined, key: string, report: Report): Buffer | undefined {
  if (file === undefined) return undefined
  try {
    const content = readFileSync(file)
    if (content.length <= sizeLimit) return content
    report(['brand', key], `has ${content.length} bytes; expected at most ${sizeLimit}`)
  } catch (error) {
    report(['brand', key], `cannot be read: ${(error as Error).message}`) // Node throws errors alone
  }
  return undefined
}

function readLogo(file: string | undefined, report: Report): Brand['logo'] {
  const bytes = read(file, 'logo', report)
  if (file === undefined || !bytes) return undefined
  const type = pictureTypes[extname(file).toLowerCase()]
  if (type !== undefined) return { type, bytes }
  report(['brand', 'logo'], `expected one of ${Object.keys(pictureTypes).join(', ')}`)
  return undefined
}

/** The files of a folder with that ending, by their names without it. */
function readFolder(folder: string, ending: string, key: string, report: Report): ReadonlyMap<string, string> {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(ending))
    if (names.length === 0) report(['brand', key], `no file in ${folder} ends in ${ending}`)
    return new Map(names.map((name) => [name.slice(0, -ending.length), readFileSync(join(folder, name), 'utf8')]))
  } catch (error) {
    report(['brand', key], `cannot be read: ${(error as Error).message}`) // Node throws errors alone
    return new Map()
  }
}

function readMessages(folder: string, report: Report): OwnWords {
  const words: Partial<Record<Locale, Readonly<Record<string, string>>>> = {}
  for (const [name, content] of readFolder(folder, '.yaml', 'messages', report)) {
    const locale = locales.find((candidate) => candidate === name)
    if (locale) words[locale] = readCatalogue(`${name}.yaml`, content, report)
    else
      report(['brand', 'messages'], `${name}.yaml: expected one of ${locales.map((one) => `${one}.yaml`).join(', ')}`)
  }
  return words
}

function readCatalogue(file: string, content: string, report: Report): Readonly<Record<string, string>> {
  const catalogue: Record<string, string> = {}
  const fault = (message: string): void => report(['brand', 'messages'], `${file}: ${message}`)
  let parsed: unknown
  try {
    parsed = parse(content)
  } catch (error) {
    fault((error as Error).message.split('\n', 1)[0] ?? '') // the parser throws errors alone
  }
  for (const [key, text] of Object.entries(parsed ?? {})) {
    if (!isMessageKey(key) && !key.startsWith(scopeWords)) fault(`there is no text ${key}`)
    else if (typeof text !== 'string') fault(`${key}: expected a text`)
    else catalogue[key] = text
  }
  return catalogue
}

function readTemplates(folder: string, report: Report): ReadonlyMap<string, Template> {
  const eta = new Eta()
  const templates = new Map<string, Template>()
  for (const [name, content] of readFolder(folder, '.eta', 'templates', report)) {
    try {
      const compiled = eta.compile(content)
      const template: Template = (data) => eta.render(compiled, data)
      // What it lacks shows now, and not when somebody wants to sign in.
      template({ page: name, title: '', body: '', locale: 'en', brand: '', text: (key) => key })
      templates.set(name, template)
    } catch (error) {
      report(['brand', 'templates'], `${name}.eta: ${(error as Error).message.split('\n', 1)[0]}`) // Eta throws errors alone
    }
  }
  return templates
}
