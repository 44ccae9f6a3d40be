# What the phone's own programs share.
state=/data/virtual
mine=/data/system

# value NAME: a figure, into REPLY; docs/virtual.md says who decides it.
value() {
  [ -r "$state/override/$1" ] && IFS= read -r REPLY < "$state/override/$1" && return
  IFS= read -r REPLY < "$state/$1"
}

sdk() {
  local line
  while IFS= read -r line; do
    [ "${line%%=*}" = ro.build.version.sdk ] && print -r -- "${line#*=}" && return
  done < /system/build.prop
}

# display size|density: what the screen has, or what `wm` made of it, into REPLY.
display() {
  [ -r "$mine/display/$1" ] && IFS= read -r REPLY < "$mine/display/$1" && return
  IFS= read -r REPLY < "$state/display/$1"
}

# keep NAME VALUE: remember it until the phone ends.
keep() {
  mkdir -p "$mine/${1%/*}" && print -r -- "$2" > "$mine/$1"
}

idle_modes() {
  light=true deep=true light_state=ACTIVE deep_state=ACTIVE
  [ -e "$mine/deviceidle/light-off" ] && light=false
  [ -e "$mine/deviceidle/deep-off" ] && deep=false
  [ -r "$mine/deviceidle/light" ] && IFS= read -r light_state < "$mine/deviceidle/light"
  [ -r "$mine/deviceidle/deep" ] && IFS= read -r deep_state < "$mine/deviceidle/deep"
}

# entry PRIORITY TAG PID MESSAGE: a line for logcat
entry() {
  local now=$EPOCHREALTIME stamp tab='	'
  stamp=$(toybox date -d "@${now%.*}" "+%m-%d %H:%M:%S").${now#*.}
  printf '%s\t%s\t%s\t%s\t%s\n' "${stamp%???}" "$3" "$1" "${2//$tab/ }" "${4//[$tab
]/ }" >> /data/system/log
}
