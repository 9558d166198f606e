import * as Type from 'typebox'
import { path, strict, text } from './schema-words.ts'

const color = (description: string) =>
  Type.String({
    pattern: '^#[0-9a-fA-F]{6}$',
    description,
    expected: 'a colour such as "#1d5bb8", in quotes: a bare # begins a comment',
  })

const link = (description: string) =>
  Type.String({ pattern: '^(https://|mailto:)[^\\s]+$', description, expected: 'an https or mailto address' })

/** In whose name the pages and mails are. */
export const brand = Type.Object(
  {
    name: Type.Optional(text('What the product is called', { default: 'Gatehouse', maxLength: 60 })),
    logo: Type.Optional(path('A picture file: .svg, .png, .jpg or .webp, at most 200 kB')),
    colors: Type.Optional(
      Type.Object(
        {
          accent: Type.Optional(
            color('Of buttons and marks; the text on it is black or white, whichever reads better'),
          ),
          accent_dark: Type.Optional(color('The same where the reader’s system is dark. Left out: `accent`')),
        },
        strict,
      ),
    ),
    links: Type.Optional(
      Type.Object(
        {
          terms: Type.Optional(link('Terms of service')),
          privacy: Type.Optional(link('Privacy policy')),
          support: Type.Optional(link('Where people get help')),
        },
        { ...strict, description: 'Stand at the foot of every page' },
      ),
    ),
    css: Type.Optional(path('A style sheet that comes after the one that is built in, at most 200 kB')),
    messages: Type.Optional(
      path('A folder with texts in the place of those that are shipped: en.yaml, de.yaml …, each `key: text`'),
    ),
    templates: Type.Optional(
      path('A folder with Eta templates: layout.eta around every page, or one by the name of a page'),
    ),
  },
  { ...strict, description: 'In whose name the pages are. All files are read again on reload' },
)
