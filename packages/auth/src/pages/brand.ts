import type { OwnWords } from '../messages/messages.ts'

/** In whose name the pages are: from configuration. */
export interface Brand {
  readonly name: string
  /** A picture in the place of the one that is built in. */
  readonly logo?: { readonly type: string; readonly bytes: Uint8Array } | undefined
  /** Colours as `#rrggbb`. */
  readonly colors: {
    /** Of buttons and marks, on light pages. */
    readonly accent?: string | undefined
    /** The same on dark pages. */
    readonly accentDark?: string | undefined
  }
  /** Shown at the foot of every page. */
  readonly links: {
    readonly terms?: string | undefined
    readonly privacy?: string | undefined
    readonly support?: string | undefined
  }
  /** A style sheet that comes after the one that is built in. */
  readonly css?: string | undefined
  readonly messages?: OwnWords | undefined
  /** Own templates by the name of the page, `layout` for all of them. */
  readonly templates?: ReadonlyMap<string, Template> | undefined
}

/** A template of an installation: makes markup of what it is told. */
export type Template = (data: TemplateData) => string

/** What a template is told. `body` is markup, everything else is text. */
export interface TemplateData {
  readonly page: string
  readonly title: string
  readonly body: string
  readonly locale: string
  readonly brand: string
  /** The text of a message, with its placeholders filled in. */
  readonly text: (key: string, values?: Readonly<Record<string, string | number>>) => string
}

/** As long as nobody has said otherwise. */
export const defaultBrand: Brand = { name: 'Gatehouse', colors: {}, links: {} }

/** Relative luminance of `#rrggbb`. Spec: WCAG 2.2, definition of relative luminance. */
function luminanceOf(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const value = Number.parseInt(color.slice(start, start + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** Black or white, whichever is read more easily on a colour: one of the two always has a contrast of 4.5. */
const inkOn = (color: string): string => (luminanceOf(color) > 0.179 ? '#000000' : '#ffffff')

/** The style sheet of a brand's colours. */
export function styleOfColors({ accent, accentDark = accent }: Brand['colors']): string {
  const rule = (color: string): string => `:root{--accent:${color};--on-accent:${inkOn(color)}}`
  const dark = accentDark === undefined ? '' : `@media (prefers-color-scheme:dark){${rule(accentDark)}}`
  return `${accent === undefined ? '' : rule(accent)}${dark}`
}
