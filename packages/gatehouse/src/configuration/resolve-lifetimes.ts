import { longestAccessTokenLifetime } from '@gatehouse/auth/domain/lifetimes'
import type { Configuration } from './configuration.ts'
import { duration } from './duration.ts'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

/** How long tokens and sessions last. */
export function resolveLifetimes(content: ConfigurationFile, report: Report): Configuration['auth']['lifetimes'] {
  const accessToken = duration(content.tokens?.access_token_lifetime, 300, {
    least: 10,
    most: longestAccessTokenLifetime,
    key: ['tokens', 'access_token_lifetime'],
    report,
  })
  const { absolute_lifetime, idle_lifetime, replay_window } = content.sessions ?? {}
  const absolute = duration(absolute_lifetime, 30 * 86_400, {
    least: 60,
    key: ['sessions', 'absolute_lifetime'],
    report,
  })
  const idle = duration(idle_lifetime, Math.min(14 * 86_400, absolute), {
    least: 60,
    key: ['sessions', 'idle_lifetime'],
    report,
  })
  if (idle > absolute) report(['sessions', 'idle_lifetime'], 'expected at most sessions.absolute_lifetime')
  // A token says nothing of its session's end, and services that look at the token alone would go on taking it.
  if (accessToken > absolute) {
    report(['tokens', 'access_token_lifetime'], 'expected at most sessions.absolute_lifetime')
  }
  const replayWindow = duration(replay_window, 30, { least: 0, most: 60, key: ['sessions', 'replay_window'], report })
  return { accessToken, absolute, idle, replayWindow }
}

/** Warns where apps tell so seldom of a use that who is at work would be asked for the second factor again and again. */
export function warnOfSeldomUses(
  content: ConfigurationFile,
  { lifetimes, sessionLimits }: Pick<Configuration['auth'], 'lifetimes' | 'sessionLimits'>,
  warn: Report,
): void {
  const { factorIdle } = sessionLimits
  if (factorIdle === null || lifetimes.accessToken * 2 <= factorIdle) return
  const key = content.second_factor?.idle ? ['second_factor', 'idle'] : ['tokens', 'access_token_lifetime']
  warn(
    key,
    `apps refresh every ${lifetimes.accessToken}s, which is what tells that somebody uses them: after second_factor.idle (${factorIdle}s) their second factor counts no longer; name at least twice the time between refreshes`,
  )
}

/** What sessions may come to beside. */
export function resolveSessionLimits(
  content: ConfigurationFile,
  report: Report,
): Configuration['auth']['sessionLimits'] {
  const { browser_idle_lifetime, per_user } = content.sessions ?? {}
  const factorIdle = duration(content.second_factor?.idle, 3600, { least: 0, key: ['second_factor', 'idle'], report })
  // Uses are noted once a minute, and not each of them.
  if (factorIdle > 0 && factorIdle < 300) report(['second_factor', 'idle'], 'expected 0s or at least 300s')
  return {
    browserIdle: duration(browser_idle_lifetime, 7 * 86_400, {
      least: 60,
      key: ['sessions', 'browser_idle_lifetime'],
      report,
    }),
    secondFactor: duration(content.second_factor?.valid_for, 86_400, {
      least: 60,
      key: ['second_factor', 'valid_for'],
      report,
    }),
    factorIdle: factorIdle === 0 ? null : factorIdle,
    perUser: per_user ?? 100,
  }
}
