/**
 * Loaded before a load generator that knows one port (`node --import`): its connections go to the ports of TIDINGS_BENCH_PORTS in turn, as a
 * balancer before several nodes has it.
 */
import net, { type NetConnectOpts } from 'node:net'

const ports = process.env.TIDINGS_BENCH_PORTS?.split(',').map(Number) ?? []
const { connect } = net
let next = 0

if (ports.length > 0)
  net.connect = ((options: NetConnectOpts, ready?: () => void) =>
    connect({ ...options, port: ports[next++ % ports.length]! }, ready)) as typeof connect
