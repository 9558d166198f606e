import type { en } from './en/index.ts'

/** The name of a text. */
export type MessageKey = keyof typeof en

/** Texts of one language; what is missing is said in English. */
export type Catalogue = Readonly<Partial<Record<MessageKey, string>>>
