// What this plugin uses of the contract, as TypeScript sees it: `wit/` says the same. Records are objects with names in camel
// case, variants are `{ tag, val }`, an option is the value or null, and a result is returned or thrown.

export type Civil = { year: number; month: number; day: number; hour: number; minute: number; weekday: number };
export type Profile = {
  id: string;
  name: string | null;
  language: string;
  zone: string | null;
  tags: string[];
  since: number;
  extra: [string, string][];
};
export type Refusal = { code: string; text: string };
export type Failure = { tag: "retry"; val: [string, number] } | { tag: "reject"; val: string };
export type Value =
  | { tag: "text"; val: string }
  | { tag: "moment"; val: { at: number; zone: string | null } }
  | { tag: "money"; val: { amountMinor: number; currency: string } };
export type Draft = {
  purpose: string;
  content: { tag: "text"; val: string } | { tag: "template"; val: [string, [string, Value][]] };
  channel: string | null;
  about: string | null;
  expires: number | null;
  once: string | null;
};
export type Receipt = { message: string; verdict: { tag: string; val?: number | [string, string] } };

declare module "attune:host/business@0.1.0" {
  const business: {
    current(): { name: string; zone: string; language: string };
    isOpen(at: number): boolean;
    nextOpen(after: number): number | null;
    /** @throws {Refusal} */
    toCivil(at: number, zone: string): Civil;
    /** @throws {Refusal} */
    toInstant(civil: Civil, zone: string): number;
  };
  export default business;
}

declare module "attune:host/clock@0.1.0" {
  const clock: { now(): number; happened(): number };
  export default clock;
}

declare module "attune:host/customer@0.1.0" {
  const customer: { current(): Profile | null; recall(fact: string): string | null };
  export default customer;
}

declare module "attune:host/customer-notes@0.1.0" {
  /** Each of them @throws {Refusal} */
  const notes: { remember(fact: string, value: string): void; tag(name: string): void; untag(name: string): void };
  export default notes;
}

declare module "attune:host/message@0.1.0" {
  /** Each of them @throws {Refusal} */
  const message: { send(draft: Draft): Receipt; withdraw(message: string): void };
  export default message;
}

declare module "attune:host/schedule@0.1.0" {
  const schedule: {
    /** @throws {Refusal} */
    set(key: string, at: number, note: string): void;
    cancel(key: string): void;
  };
  export default schedule;
}

declare module "attune:host/settings@0.1.0" {
  const settings: { get(): string };
  export default settings;
}
