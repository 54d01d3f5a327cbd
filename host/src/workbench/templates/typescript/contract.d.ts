// What this plugin uses of the contract, as TypeScript sees it; wit/ says the same, and more. Records are objects with names
// in camel case, variants are `{ tag, val }`, an option is the value or null, an enum is its word, and a result is returned or
// thrown.

declare module "attune:types/types@0.1.0" {
  export type Message = {
    id: string;
    at: number;
    author: string;
    channel: string;
    text: string;
    language: string | null;
    inReplyTo: string | null;
    extra: [string, string][];
  };
  export type Moment = { at: number; zone: string };
  export type Intent = { name: string; confidence: number; because: { term: string; weight: number }[] };
}

declare module "attune:automation/on-message@0.1.0" {
  export type Verdict = "answered" | "passed";
}

declare module "attune:host/business@0.1.0" {
  const business: {
    current(): { name: string; zone: string; language: string };
    isOpen(at: number): boolean;
    nextOpen(after: number): number | null;
  };
  export default business;
}

declare module "attune:host/clock@0.1.0" {
  const clock: { now(): number; happened(): number };
  export default clock;
}

declare module "attune:host/message@0.1.0" {
  import type { Moment } from "attune:types/types@0.1.0";
  export type Value =
    | { tag: "text"; val: string }
    | { tag: "moment"; val: Moment }
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
  /** Each of them throws `{ code, text }` where the host refuses. */
  const message: { send(draft: Draft): Receipt; withdraw(message: string): void };
  export default message;
}

declare module "attune:host/settings@0.1.0" {
  const settings: { get(): string };
  export default settings;
}

declare module "attune:host/understanding@0.1.0" {
  import type { Intent } from "attune:types/types@0.1.0";
  const understanding: { intents(text: string): Intent[] };
  export default understanding;
}
