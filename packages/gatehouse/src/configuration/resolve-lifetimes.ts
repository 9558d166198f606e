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

/** What sessions may come to beside. */
export function resolveSessionLimits(
  content: ConfigurationFile,
  report: Report,
): Configuration['auth']['sessionLimits'] {
  const { browser_idle_lifetime, per_user } = content.sessions ?? {}
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
    perUser: per_user ?? 100,
  }
}
