// The engine's parts: how it is run (engine.cc), what a script is told (engine_values.cc), what it
// can have done (engine_functions.cc). Private to this folder.
//
// Duktape leaves a function that fails by longjmp: no object with a destructor may live in a
// function of ours across a call into the engine. What they need is a member of Engine.
#pragma once

#include <duktape.h>

#include <string>
#include <vector>

#include "dataplane/script/runner/heap.h"
#include "dataplane/script/wire/message.h"

namespace sallyport::script {

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

  // At most so many bytes, and no part of a character.
  static void Bound(std::string* text, size_t most);
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

}  // namespace sallyport::script
