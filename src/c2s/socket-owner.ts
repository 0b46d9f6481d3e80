import type { Duplex } from 'node:stream'

/** Who is told what happens to a socket. */
export interface SocketOwner {
  socketReceived(chunk: Buffer): void
  /** The peer will send nothing more. */
  socketEnded(): void
  /** The socket has sent what it had. */
  socketDrained(): void
  /** Told once, last. */
  socketClosed(): void
}

/** Found from the socket, so that ten thousand sockets need no listeners of their own: all have the same functions. */
const OWNER = Symbol('owner')
type OwnedSocket = Duplex & { [OWNER]?: SocketOwner | undefined }

/** Tells `owner` when the socket is drained or closed, from now on. */
export function own(socket: Duplex, owner: SocketOwner): void {
  const owned: OwnedSocket = socket
  owned[OWNER] = owner
  socket.on('error', ignore).on('drain', drained).on('close', closed)
}

/** Starts to read a socket, for its owner. */
export function read(socket: Duplex): void {
  socket.on('data', received).on('end', ended)
}

/** The owner of a socket is told nothing more of it. */
export function disown(socket: Duplex): void {
  const owned: OwnedSocket = socket
  owned[OWNER] = undefined
}

/** An error is always followed by 'close', and says nothing that the server could use: peers vanish. */
function ignore(): void {}

function received(this: OwnedSocket, chunk: Buffer): void {
  this[OWNER]?.socketReceived(chunk)
}

function ended(this: OwnedSocket): void {
  this[OWNER]?.socketEnded()
}

function drained(this: OwnedSocket): void {
  this[OWNER]?.socketDrained()
}

function closed(this: OwnedSocket): void {
  this[OWNER]?.socketClosed()
}
