// Duktape leaves a function that fails by longjmp: no object with a destructor may live in a
// function of ours across a call into the engine. What they need is a member of Engine.
#include "dataplane/script/runner/engine.h"

#include <duktape.h>
#include <malloc.h>
#include <unistd.h>

#include <cstring>

#include "dataplane/script/runner/channel.h"
#include "dataplane/script/runner/heap.h"
#include "dataplane/script/runner/prelude.h"
#include "dataplane/script/wire/text.h"

namespace sallyport::script {
namespace {

constexpr size_t kMostMessage = 300;
constexpr size_t kMostLogLine = 1024;
constexpr int kMostLogLines = 64;
constexpr size_t kMostCalls = 64;  // at once
constexpr size_t kMostFields = 256;

void Bound(std::string* text, size_t most) {
  if (text->size() > most) *text = FromEngine(ToEngine(text->substr(0, most)));
}

class Engine {
 public:
  explicit Engine(Run run) : run_(std::move(run)), heap_(size_t{run_.memory_kib} << 10) {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  FromScript RunToEnd();

 private:
  static Engine& Of(duk_context* ctx) {
    duk_memory_functions functions;
    duk_get_memory_functions(ctx, &functions);
    return *static_cast<Engine*>(functions.udata);
  }

  // Called by the engine.
  static void* Allocate(void* self, duk_size_t size) {
    return static_cast<Engine*>(self)->heap_.Allocate(size);
  }
  static void* Reallocate(void* self, void* block, duk_size_t size) {
    return static_cast<Engine*>(self)->heap_.Reallocate(block, size);
  }
  static void Free(void* self, void* block) { static_cast<Engine*>(self)->heap_.Free(block); }
  [[noreturn]] static void Fatal(void* self, const char* message);

  // Each under duk_safe_call or by the script.
  static duk_ret_t Execute(duk_context* ctx, void* self);
  static duk_ret_t Describe(duk_context* ctx, void* self);
  static duk_ret_t BeginCalls(duk_context* ctx);
  static duk_ret_t AddCall(duk_context* ctx);
  static duk_ret_t AddField(duk_context* ctx);
  static duk_ret_t MakeCalls(duk_context* ctx);
  static duk_ret_t ResultAt(duk_context* ctx);
  static duk_ret_t Log(duk_context* ctx);
  static duk_ret_t ToBase64(duk_context* ctx);
  static duk_ret_t FromBase64(duk_context* ctx);
  static duk_ret_t SetAnswer(duk_context* ctx);
  static duk_ret_t AddAnswerField(duk_context* ctx);

  static void PushText(duk_context* ctx, const std::string& text) {
    duk_push_lstring(ctx, text.data(), text.size());
  }
  static void SetText(duk_context* ctx, const char* name, const std::string& text) {
    PushText(ctx, text);
    duk_put_prop_string(ctx, -2, name);
  }
  static void PushLists(duk_context* ctx, const Fields& fields);
  static void PushNames(duk_context* ctx, const std::vector<std::string>& names);
  static void PushNative(duk_context* ctx);
  void PushRequest(duk_context* ctx) const;
  void PushSession(duk_context* ctx) const;
  void PushConfig(duk_context* ctx) const;
  void TakeText(duk_context* ctx, duk_idx_t index, std::string* to);
  void Take(duk_context* ctx, duk_idx_t index, std::string* to);
  duk_ret_t AddTo(duk_context* ctx, Fields* fields);

  void Translate();
  void Receive();
  void ReadLine();

  Run run_;
  Heap heap_;
  Calls calls_;
  Results results_;
  Answer answer_;
  Failure failure_;
  std::string stack_, text_;
  size_t taken_ = 0;  // bytes for the message that comes next
  int log_lines_ = 0;
};

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
  duk_push_string(ctx, "prelude");
  duk_compile_string_filename(ctx, DUK_COMPILE_EVAL, kPrelude);
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

// The same of what goes out: all together is bounded.
void Engine::Take(duk_context* ctx, duk_idx_t index, std::string* to) {
  TakeText(ctx, index, to);
  taken_ += to->size();
  if (taken_ > kMostFrameBytes / 2) (void)duk_range_error(ctx, "more than may be sent at once");
}

// [[name, value]] -> {name: [values]}
void Engine::PushLists(duk_context* ctx, const Fields& fields) {
  duk_push_bare_object(ctx);
  duk_idx_t lists = duk_get_top_index(ctx);
  for (const auto& [name, value] : fields) {
    if (!duk_get_prop_lstring(ctx, lists, name.data(), name.size())) {
      duk_pop(ctx);
      duk_push_array(ctx);
      duk_dup_top(ctx);
      duk_put_prop_lstring(ctx, lists, name.data(), name.size());
    }
    PushText(ctx, value);
    duk_put_prop_index(ctx, -2, static_cast<duk_uarridx_t>(duk_get_length(ctx, -2)));
    duk_pop(ctx);
  }
  duk_get_global_string(ctx, "Object");
  duk_get_prop_string(ctx, -1, "prototype");
  duk_set_prototype(ctx, lists);
  duk_pop(ctx);
}

void Engine::PushNames(duk_context* ctx, const std::vector<std::string>& names) {
  duk_push_array(ctx);
  for (size_t i = 0; i < names.size(); ++i) {
    PushText(ctx, names[i]);
    duk_put_prop_index(ctx, -2, static_cast<duk_uarridx_t>(i));
  }
}

void Engine::PushRequest(duk_context* ctx) const {
  duk_push_object(ctx);
  SetText(ctx, "Method", run_.method);
  SetText(ctx, "URL", run_.url);
  SetText(ctx, "Scheme", run_.scheme);
  SetText(ctx, "Body", run_.body);
  PushLists(ctx, run_.fields);
  duk_put_prop_string(ctx, -2, "Headers");
  PushLists(ctx, run_.params);
  duk_put_prop_string(ctx, -2, "Params");
}

void Engine::PushSession(duk_context* ctx) const {
  const Session& session = run_.session;
  duk_push_object(ctx);
  duk_push_object(ctx);
  for (const auto& [name, value] : session.metadata) {
    PushText(ctx, value);
    duk_put_prop_lstring(ctx, -2, name.data(), name.size());
  }
  duk_put_prop_string(ctx, -2, "meta_data");
  if (!session.told) return;
  SetText(ctx, "alias", session.name);
  SetText(ctx, "org_id", session.org_id);
  PushNames(ctx, session.policy_ids);
  duk_put_prop_string(ctx, -2, "apply_policies");
  PushNames(ctx, session.tags);
  duk_put_prop_string(ctx, -2, "tags");
  duk_push_object(ctx);
  SetText(ctx, "name", session.name);
  SetText(ctx, "fingerprint", session.fingerprint);
  SetText(ctx, "subject", session.subject);
  duk_put_prop_string(ctx, -2, "identity");
}

void Engine::PushConfig(duk_context* ctx) const {
  duk_push_object(ctx);
  SetText(ctx, "OrgID", run_.org_id);
  SetText(ctx, "APIID", run_.api_id);
  if (run_.config_json.empty()) {
    duk_push_object(ctx);
  } else {
    PushText(ctx, run_.config_json);
    duk_json_decode(ctx, -1);
  }
  duk_put_prop_string(ctx, -2, "config_data");
}

void Engine::PushNative(duk_context* ctx) {
  static const duk_function_list_entry kFunctions[] = {
      {"beginCalls", BeginCalls, 0}, {"addCall", AddCall, 3},
      {"addField", AddField, 2},     {"call", MakeCalls, 1},
      {"result", ResultAt, 1},       {"log", Log, 1},
      {"toBase64", ToBase64, 1},     {"fromBase64", FromBase64, 1},
      {"answer", SetAnswer, 3},      {"addAnswerField", AddAnswerField, 2},
      {nullptr, nullptr, 0}};
  duk_push_object(ctx);
  duk_put_function_list(ctx, -1, kFunctions);
}

duk_ret_t Engine::AddTo(duk_context* ctx, Fields* fields) {
  if (fields->size() >= kMostFields) return duk_range_error(ctx, "more headers than may be sent");
  auto& field = fields->emplace_back();
  Take(ctx, 0, &field.first);
  Take(ctx, 1, &field.second);
  return 0;
}

// What of an earlier one could not be sent is forgotten.
duk_ret_t Engine::BeginCalls(duk_context* ctx) {
  Engine& engine = Of(ctx);
  engine.calls_.calls.clear();
  engine.taken_ = 0;
  return 0;
}

duk_ret_t Engine::AddCall(duk_context* ctx) {
  Engine& engine = Of(ctx);
  if (engine.calls_.calls.size() >= kMostCalls)
    return duk_range_error(ctx, "more requests than may be sent at once");
  Call& call = engine.calls_.calls.emplace_back();
  engine.Take(ctx, 0, &call.method);
  engine.Take(ctx, 1, &call.url);
  engine.Take(ctx, 2, &call.body);
  return 0;
}

duk_ret_t Engine::AddField(duk_context* ctx) {
  Engine& engine = Of(ctx);
  if (engine.calls_.calls.empty()) return DUK_RET_RANGE_ERROR;
  return engine.AddTo(ctx, &engine.calls_.calls.back().fields);
}

// Outside of the engine: may have objects of its own.
void Engine::Receive() {
  for (Call& call : calls_.calls) {
    for (std::string* const text : {&call.method, &call.url, &call.body}) *text = FromEngine(*text);
    for (auto& [name, value] : call.fields) name = FromEngine(name), value = FromEngine(value);
  }
  const size_t asked = calls_.calls.size();
  SendMessage(std::move(calls_));
  calls_ = {};
  taken_ = 0;
  ToScript message = ReceiveMessage();
  if (!std::holds_alternative<Results>(message)) _exit(1);
  results_ = std::get<Results>(std::move(message));
  results_.results.resize(asked);
  for (Result& result : results_.results) {
    result.body = ToEngine(result.body);
    for (auto& [name, value] : result.fields) name = ToEngine(name), value = ToEngine(value);
  }
}

duk_ret_t Engine::MakeCalls(duk_context* ctx) {
  Engine& engine = Of(ctx);
  engine.calls_.in_turn = duk_to_boolean(ctx, 0) != 0;
  engine.Receive();
  return 0;
}

duk_ret_t Engine::ResultAt(duk_context* ctx) {
  const Engine& engine = Of(ctx);
  const duk_uint_t index = duk_to_uint(ctx, 0);
  if (index >= engine.results_.results.size() || !engine.results_.results[index].answered) return 0;
  const Result& result = engine.results_.results[index];
  duk_push_object(ctx);
  duk_push_uint(ctx, result.code);
  duk_put_prop_string(ctx, -2, "code");
  SetText(ctx, "body", result.body);
  PushLists(ctx, result.fields);
  duk_put_prop_string(ctx, -2, "headers");
  return 1;
}

duk_ret_t Engine::Log(duk_context* ctx) {
  Engine& engine = Of(ctx);
  if (engine.log_lines_ >= kMostLogLines) return 0;
  ++engine.log_lines_;
  engine.TakeText(ctx, 0, &engine.text_);
  engine.text_ = FromEngine(engine.text_);
  Bound(&engine.text_, kMostLogLine);
  SendMessage(LogLine{engine.text_});
  return 0;
}

duk_ret_t Engine::ToBase64(duk_context* ctx) {
  Engine& engine = Of(ctx);
  engine.TakeText(ctx, 0, &engine.text_);
  engine.text_ = FromEngine(engine.text_);
  void* const bytes = duk_push_fixed_buffer(ctx, engine.text_.size());
  if (!engine.text_.empty()) std::memcpy(bytes, engine.text_.data(), engine.text_.size());
  duk_base64_encode(ctx, -1);
  return 1;
}

duk_ret_t Engine::FromBase64(duk_context* ctx) {
  Engine& engine = Of(ctx);
  duk_base64_decode(ctx, 0);
  duk_size_t size = 0;
  const auto* const bytes = static_cast<const char*>(duk_get_buffer_data(ctx, 0, &size));
  engine.text_ = size == 0 ? std::string() : ToEngine({bytes, size});
  PushText(ctx, engine.text_);
  return 1;
}

duk_ret_t Engine::SetAnswer(duk_context* ctx) {
  Engine& engine = Of(ctx);
  engine.answer_.code = duk_to_uint32(ctx, 0);
  engine.Take(ctx, 1, &engine.answer_.body);
  engine.answer_.session_changed = duk_to_boolean(ctx, 2) != 0;
  return 0;
}

duk_ret_t Engine::AddAnswerField(duk_context* ctx) {
  Engine& engine = Of(ctx);
  return engine.AddTo(ctx, &engine.answer_.fields);
}

}  // namespace

FromScript RunOnce(Run run) {
  FromScript end = [&run]() -> FromScript {
    Engine engine(std::move(run));
    return engine.RunToEnd();
  }();
  malloc_trim(0);
  return end;
}

}  // namespace sallyport::script
