#include "dataplane/script/runner/engine.h"

#include <malloc.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

#include "dataplane/script/runner/channel.h"
#include "dataplane/script/runner/engine_parts.h"
#include "dataplane/script/runner/prelude.h"
#include "dataplane/script/wire/text.h"

namespace sallyport::script {
namespace {

constexpr size_t kMostMessage = 300;

// Compiling it takes longer than all else that an engine costs, so it is done once.
const std::string& CompiledPrelude() {
  static const std::string& compiled = *new std::string([] {
    duk_context* const ctx = duk_create_heap_default();
    if (ctx == nullptr) _exit(1);
    duk_push_string(ctx, "prelude");
    duk_compile_string_filename(ctx, DUK_COMPILE_EVAL, kPrelude);
    duk_dump_function(ctx);
    duk_size_t size = 0;
    const auto* const bytes = static_cast<const char*>(duk_get_buffer_data(ctx, -1, &size));
    std::string code(bytes, size);
    duk_destroy_heap(ctx);
    return code;
  }());
  return compiled;
}

}  // namespace

void Engine::Bound(std::string* text, size_t most) {
  if (text->size() > most) *text = FromEngine(ToEngine(text->substr(0, most)));
}

void Engine::Fatal(void* self, const char* message) {
  const auto* const engine = static_cast<Engine*>(self);
  SendMessage(Failure{engine->heap_.refused() ? Failure::Kind::kMemory : Failure::Kind::kBroken,
                      message, 0});
  _exit(1);
}

// UTF-8 and the engine's form of it differ.
void Engine::Translate() {
  const auto translate = [](std::string& text) { text = ToEngine(text); };
  const auto all = [&](Fields& fields) {
    for (auto& [name, value] : fields) translate(name), translate(value);
  };
  for (std::string* const text :
       {&run_.source, &run_.function, &run_.api_id, &run_.org_id, &run_.config_json, &run_.method,
        &run_.url, &run_.scheme, &run_.body, &run_.session.name, &run_.session.org_id,
        &run_.session.subject})
    translate(*text);
  for (std::string& text : run_.session.policy_ids) translate(text);
  for (std::string& text : run_.session.tags) translate(text);
  all(run_.fields), all(run_.params), all(run_.session.metadata);
}

FromScript Engine::RunToEnd() {
  Translate();
  duk_context* const ctx = duk_create_heap(Allocate, Reallocate, Free, this, Fatal);
  if (ctx == nullptr) return Failure{Failure::Kind::kMemory, "no memory for an engine", 0};
  const bool good = duk_safe_call(ctx, Execute, this, 0, 1) == DUK_EXEC_SUCCESS;
  if (!good) {
    if (heap_.refused()) failure_.kind = Failure::Kind::kMemory;
    if (duk_safe_call(ctx, Describe, this, 1, 1) != DUK_EXEC_SUCCESS && failure_.message.empty())
      failure_.message = "an error that cannot be told";
    ReadLine();
    failure_.message = FromEngine(failure_.message);
    Bound(&failure_.message, kMostMessage);
  }
  duk_destroy_heap(ctx);  // a finalizer may run still: it counts in the script's time
  if (!good) return std::move(failure_);
  answer_.body = FromEngine(answer_.body);
  for (auto& [name, value] : answer_.fields) name = FromEngine(name), value = FromEngine(value);
  return std::move(answer_);
}

duk_ret_t Engine::Execute(duk_context* ctx, void* self) {
  auto& engine = *static_cast<Engine*>(self);
  const Run& run = engine.run_;
  const std::string& prelude = CompiledPrelude();
  std::memcpy(duk_push_fixed_buffer(ctx, prelude.size()), prelude.data(), prelude.size());
  duk_load_function(ctx);
  duk_call(ctx, 0);
  PushNative(ctx);
  duk_call(ctx, 1);
  PushText(ctx, run.source);
  PushText(ctx, run.file);
  duk_compile(ctx, 0);
  duk_call(ctx, 0);
  duk_pop(ctx);
  duk_get_global_lstring(ctx, run.function.data(), run.function.size());
  engine.PushRequest(ctx);
  engine.PushSession(ctx);
  engine.PushConfig(ctx);
  duk_call(ctx, 4);
  return 0;
}

// What was thrown may be anything; reading it may throw once more.
duk_ret_t Engine::Describe(duk_context* ctx, void* self) {
  auto& engine = *static_cast<Engine*>(self);
  duk_dup(ctx, -1);
  engine.TakeText(ctx, -1, &engine.failure_.message);
  duk_pop(ctx);
  if (!duk_is_error(ctx, -1)) return 0;
  duk_get_prop_string(ctx, -1, "stack");
  if (duk_is_string(ctx, -1)) engine.TakeText(ctx, -1, &engine.stack_);
  return 0;
}

// The first place of the trace that is the script's own: "file:LINE".
void Engine::ReadLine() {
  const std::string mark = run_.file + ":";
  const size_t at = stack_.find(mark);
  if (at == std::string::npos) return;
  for (size_t i = at + mark.size(); i < stack_.size() && stack_[i] >= '0' && stack_[i] <= '9';
       ++i) {
    if (failure_.line < 1'000'000)
      failure_.line = failure_.line * 10 + static_cast<uint32_t>(stack_[i] - '0');
  }
}

void Engine::TakeText(duk_context* ctx, duk_idx_t index, std::string* to) {
  duk_size_t size = 0;
  const char* const data = duk_to_lstring(ctx, index, &size);
  to->assign(data, size);
}

FromScript RunOnce(Run run) {
  FromScript end = [&run]() -> FromScript {
    Engine engine(std::move(run));
    return engine.RunToEnd();
  }();
  malloc_trim(0);
  return end;
}

}  // namespace sallyport::script
