// A non-owning reference to a callable: what parallel loops take, so that a call allocates nothing.
#pragma once
#include <memory>
#include <type_traits>
#include <utility>

namespace tilefit {

template <class Signature>
class FunctionRef;

/// Refers to a callable that must outlive every call. Two pointers; copy freely.
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  // Not explicit: a drop-in for a function argument.
  template <class F, class = std::enable_if_t<!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> &&
                                              std::is_invocable_r_v<R, F&, Args...>>>
  FunctionRef(F&& f) noexcept
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))), call_([](void* object, Args... args) -> R {
          return (*static_cast<std::add_pointer_t<std::remove_reference_t<F>>>(object))(std::forward<Args>(args)...);
        }) {}

  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace tilefit
