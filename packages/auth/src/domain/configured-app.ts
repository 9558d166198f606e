import { paths } from '@gatehouse/core/paths'

/** The apps of one host whose sessions Gatehouse holds for the browser: one cookie, one client. */
export interface ConfiguredApp {
  /** As browsers name it: lower case, with the port where it is not the scheme's own. */
  readonly host: string
  /** As its users know it. */
  readonly origin: string
  /** What people are told that they sign in to. */
  readonly name: string
  /** Where a browser is led that has signed out: a path of the host. */
  readonly signedOut: string
}

/** Where the authorization endpoint answers an app. */
export const callbackOf = ({ origin }: Pick<ConfiguredApp, 'origin'>): string => `${origin}${paths.appCallback}`
