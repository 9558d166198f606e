import { describe, expect, it } from 'vitest'
import { isLoopbackAddress, isPublicAddress, isPublicOrPrivateAddress } from './public-address.ts'

describe('an address', () => {
  it.each([
    '127.0.0.1',
    '127.255.0.9',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.100.100.200',
    '192.0.0.8',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:7f00:1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '100::1',
    '4000::1',
    'localhost',
    '',
  ])('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '2a00:1450::1'])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  it.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', false],
    ['10.0.0.1', false],
    ['8.8.8.8', false],
  ])('%s is loopback: %s', (address, expected) => {
    expect(isLoopbackAddress(address)).toBe(expected)
  })

  it.each([
    ['10.0.0.1', true],
    ['192.168.1.1', true],
    ['100.64.0.1', true],
    ['fd00::1', true],
    ['127.0.0.1', true],
    ['8.8.8.8', true],
    ['169.254.169.254', false],
    ['fd00:ec2::254', false],
    ['fd00:0ec2:0:0:0:0:0:0254', false],
    ['fd20:ce::254', false],
    ['100.100.100.200', false],
    ['fe80::1', false],
    ['0.0.0.0', false],
    ['::ffff:10.0.0.1', false],
    ['localhost', false],
  ])('%s is public or of a private network: %s', (address, expected) => {
    expect(isPublicOrPrivateAddress(address)).toBe(expected)
  })
})
