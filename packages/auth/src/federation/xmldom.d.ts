/** Its own declarations bring the types of browsers to every file; this is what is used of it. */
declare module '@xmldom/xmldom/lib/index.js' {
  import type { XmlElement } from './saml-xml.ts'

  const xmldom: {
    readonly DOMParser: new (options: {
      readonly errorHandler: (level: string, message: string) => void
    }) => { parseFromString(text: string, type: string): { readonly documentElement: XmlElement | null } }
  }
  export default xmldom
}
