/* Tells customers who ask whether the business is open, and when it opens again.

   `attune build` makes plugin.h from wit/world.wit; it stands in target/c. Memory is never given back: every run starts
   from a fresh one and lasts milliseconds. A failed assert() shows in the record of why, with its line. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

#define TEXT(literal) ((plugin_string_t){(uint8_t *)(literal), sizeof(literal) - 1})

typedef exports_attune_automation_on_message_message_t message_t;
typedef exports_attune_automation_on_message_verdict_t verdict_t;
typedef exports_attune_automation_on_message_failure_t failure_t;

static bool contains(plugin_string_t text, plugin_string_t part) {
  for (size_t at = 0; at + part.len <= text.len; at++)
    if (memcmp(text.ptr + at, part.ptr, part.len) == 0) return true;
  return false;
}

static bool asks_for(plugin_string_t text, plugin_string_t name) {
  attune_host_understanding_list_intent_t found;
  attune_host_understanding_intents(&text, &found);
  for (size_t i = 0; i < found.len; i++) {
    attune_types_types_intent_t *intent = &found.ptr[i];
    if (intent->confidence >= 0.5f && intent->name.len == name.len && contains(intent->name, name)) return true;
  }
  return false;
}

/* Gives false, with what the host refused, where it failed. */
static bool reply(plugin_string_t template, attune_host_message_list_tuple2_string_value_t values, failure_t *failed) {
  attune_host_message_draft_t draft = {
      .purpose = TEXT("reply"),
      .content = {.tag = ATTUNE_HOST_MESSAGE_CONTENT_TEMPLATE, .val.template_ = {template, values}},
  };
  attune_host_message_receipt_t receipt;
  attune_host_message_refusal_t refusal;
  if (attune_host_message_send(&draft, &receipt, &refusal)) return true;
  *failed = (failure_t){.tag = ATTUNE_TYPES_TYPES_FAILURE_REJECT, .val.reject = refusal.text};
  return false;
}

bool exports_attune_automation_on_message_handle(message_t *message, verdict_t *verdict, failure_t *failed) {
  *verdict = EXPORTS_ATTUNE_AUTOMATION_ON_MESSAGE_VERDICT_PASSED;
  if (!asks_for(message->text, TEXT("opening-hours"))) return true;
  uint64_t now = attune_host_clock_now(), opens;
  if (attune_host_business_is_open(now)) {
    plugin_string_t settings;
    attune_host_settings_get(&settings);
    if (contains(settings, TEXT("\"only_when_closed\":true"))) return true;
    *verdict = EXPORTS_ATTUNE_AUTOMATION_ON_MESSAGE_VERDICT_ANSWERED;
    return reply(TEXT("open"), (attune_host_message_list_tuple2_string_value_t){NULL, 0}, failed);
  }
  if (!attune_host_business_next_open(now, &opens)) return true;
  attune_host_business_business_t business;
  attune_host_business_current(&business);
  attune_host_message_tuple2_string_value_t values[] = {
      {TEXT("opens"), {.tag = ATTUNE_HOST_MESSAGE_VALUE_MOMENT, .val.moment = {opens, business.zone}}},
  };
  *verdict = EXPORTS_ATTUNE_AUTOMATION_ON_MESSAGE_VERDICT_ANSWERED;
  return reply(TEXT("closed"), (attune_host_message_list_tuple2_string_value_t){values, 1}, failed);
}
