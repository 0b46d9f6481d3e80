import type { IqRegistration, NewStreamRegistration, Place } from './claim.ts'
import { TidingsError } from './errors.ts'

/** The requests that the extensions of one host answer. */
export class Claims {
  readonly #iq = new Map<string, IqRegistration>()
  readonly #beforeSignIn = new Map<string, NewStreamRegistration>()
  readonly #owners = new Map<string, string>()

  /** Adds what an extension registered. A doubly claimed request is an error that names both extensions. */
  add(
    extension: string,
    iq: readonly IqRegistration[],
    beforeSignIn: readonly NewStreamRegistration[],
  ): void {
    for (const claim of iq) this.#iq.set(this.#claimed(extension, claim.place, claim), claim)
    for (const claim of beforeSignIn)
      this.#beforeSignIn.set(this.#claimed(extension, BEFORE_SIGN_IN, claim), claim)
  }

  /** The key of a claim that nobody else has. */
  #claimed(extension: string, where: string, { type, namespace, name }: Claim): string {
    const key = iqKey(type, where, namespace, name)
    const other = this.#owners.get(key)
    if (other !== undefined)
      throw new TidingsError(
        'TIDINGS_IQ_CLAIMED_TWICE',
        `extension "${extension}" claims <${name} xmlns="${namespace}"/> (${type}, ${where}), which "${other}" has claimed: switch one of them off`,
      )
    this.#owners.set(key, extension)
    return key
  }

  /** The claim on an IQ request, if any: looked up by the name and namespace of its child. */
  of(type: string, place: Place, namespace: string, name: string): IqRegistration | undefined {
    return this.#iq.get(iqKey(type, place, namespace, name))
  }

  /** The claim on a request before sign-in, if any. */
  beforeSignIn(type: string, namespace: string, name: string): NewStreamRegistration | undefined {
    return this.#beforeSignIn.get(iqKey(type, BEFORE_SIGN_IN, namespace, name))
  }
}

/** Where requests before sign-in are claimed; the others have a Place. */
const BEFORE_SIGN_IN = 'before sign-in'

type Claim = Pick<IqRegistration, 'type' | 'namespace' | 'name'>

function iqKey(type: string, where: string, namespace: string, name: string): string {
  return `${type} ${where} ${name} ${namespace}`
}
