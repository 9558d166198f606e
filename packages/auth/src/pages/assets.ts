import { hash } from 'node:crypto'
import { paths } from '@gatehouse/core/paths'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import { type Brand, styleOfColors } from './brand.ts'
import { scripts } from './scripts.ts'
import { styleSheet } from './style-sheet.ts'

/** A file that pages name, and its content. */
interface Asset {
  readonly type: string
  readonly content: string | Uint8Array
}

/** A gate: what stands on pages without a logo of their own. */
const builtInLogo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32"><rect width="32" height="32" rx="7" fill="#1d5bb8"/><path d="M8 25V13a8 8 0 0 1 16 0v12h-4V13a4 4 0 0 0-8 0v12z" fill="#fff"/><circle cx="16" cy="20" r="2" fill="#fff"/></svg>`

const styleOf = (brand: Brand): string => `${styleSheet}${styleOfColors(brand.colors)}${brand.css ?? ''}`
const logoOf = ({ logo }: Brand): Asset =>
  logo ? { type: logo.type, content: logo.bytes } : { type: 'image/svg+xml', content: builtInLogo }

const versions = new WeakMap<Brand, { readonly style: string; readonly logo: string }>()

const versionOf = (content: string | Uint8Array): string => hash('sha256', content, 'base64url').slice(0, 16)

/** The addresses of a brand's files: they change with the content, so that browsers may keep it for good. */
export function assetsOf(brand: Brand): { readonly style: string; readonly logo: string } {
  let known = versions.get(brand)
  if (!known) {
    known = {
      style: `${paths.pageStyle}?v=${versionOf(styleOf(brand))}`,
      logo: `${paths.pageLogo}?v=${versionOf(logoOf(brand).content)}`,
    }
    versions.set(brand, known)
  }
  return known
}

/** What pages load beside themselves: their style, their logo, and the scripts of those that need one. */
export function assetEndpoints({ brand }: { readonly brand: () => Brand }): readonly Endpoint[] {
  const asset = (path: string, summary: string, find: () => Asset): Endpoint =>
    defineEndpoint({
      method: 'GET',
      path,
      summary,
      bodyKind: 'none',
      answers: { 200: null },
      errors: [],
      cacheControl: 'public, max-age=31536000, immutable',
      handle() {
        const { type, content } = find()
        // An image that is opened by itself runs nothing.
        const headers = {
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
          'cross-origin-resource-policy': 'same-origin',
        }
        return { status: 200, text: content, type, headers }
      },
    })
  return [
    asset(paths.pageStyle, 'The style of the pages', () => ({
      type: 'text/css; charset=utf-8',
      content: styleOf(brand()),
    })),
    asset(paths.pageLogo, 'The logo of the pages', () => logoOf(brand())),
    ...Object.values(scripts).map(({ path, source, summary }) =>
      asset(path, summary, () => ({ type: 'text/javascript; charset=utf-8', content: source })),
    ),
  ]
}
